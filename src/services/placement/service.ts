// The placement service: what hosts offer, what is used of it, and which of them could take more.

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, mapOf } from '#/platform/http/schema.ts';
import type { Service, WireProblem } from '#/platform/http/service.ts';
import { allocationEndpoints } from '#/services/placement/allocations/allocation.api.ts';
import { candidateEndpoints } from '#/services/placement/candidates/candidate.api.ts';
import { inventoryEndpoints } from '#/services/placement/inventories/inventory.api.ts';
import { placementTables } from '#/services/placement/migrations/0001-placement.ts';
import { usageIndex } from '#/services/placement/migrations/0002-usage-index.ts';
import { providerEndpoints } from '#/services/placement/providers/provider.api.ts';
import { resourceClassEndpoints } from '#/services/placement/resource-classes/resource-class.api.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';
import { traitEndpoints } from '#/services/placement/traits/trait.api.ts';

const newest = '1.39';

const root = endpoint({
  policy: 'public',
  route: 'GET /',
  replies: { 200: mapOf(any()) },
  handle: async () => ({
    200: {
      versions: [
        {
          id: 'v1.0',
          status: 'CURRENT',
          min_version: '1.0',
          max_version: newest,
          links: [{ rel: 'self', href: '' }],
        },
      ],
    },
  }),
});

export const placementService: Service = {
  name: 'placement',
  type: 'placement',
  catalogName: 'placement',
  catalogPath: '',
  microversions: { type: 'placement', min: '1.0', max: newest, default: '1.0' },
  endpoints: [
    root,
    ...providerEndpoints,
    ...inventoryEndpoints,
    ...traitEndpoints,
    ...resourceClassEndpoints,
    ...allocationEndpoints,
    ...candidateEndpoints,
  ],
  envelope,
  migrations: [placementTables, usageIndex],
};

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const codes: Record<string, string> = {
  [t.generationConflict.id]: 'placement.concurrent_update',
  [t.consumerConflict.id]: 'placement.concurrent_update',
  [t.inventoryInUse.id]: 'placement.inventory.inuse',
  [t.providerInUse.id]: 'placement.resource_provider.inuse',
  [t.hasChildren.id]: 'placement.resource_provider.cannot_delete_parent',
  [t.nameTaken.id]: 'placement.duplicate_name',
  [t.parentNotFound.id]: 'placement.resource_provider.not_found',
  [t.badQuery.id]: 'placement.query.bad_value',
  [t.missingQuery.id]: 'placement.query.missing_value',
};

function envelope({ status, message, textId, requestId }: WireProblem): { body: unknown } {
  const title = titles[status] ?? 'Error';
  const code = codes[textId] ?? 'placement.undefined_code';
  return { body: { errors: [{ status, title, detail: message, code, request_id: requestId }] } };
}
