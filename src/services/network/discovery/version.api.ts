// Where the API begins: its versions, and the collections below v2.0.

import { endpoint } from '#/platform/http/endpoint.ts';
import { array, object, open, string } from '#/platform/http/schema.ts';

const link = object({ rel: string(), href: string() });

const versions = endpoint({
  policy: 'public',
  route: 'GET /',
  replies: { 200: object({ versions: array(open({ id: string(), status: string(), links: array(link) })) }) },
  handle: async ({ request }) => ({
    200: { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${request.base}/v2.0/` }] }] },
  }),
});

/** The collections under v2.0: name → path. */
export const collections: Record<string, string> = {
  networks: 'networks',
  subnets: 'subnets',
  ports: 'ports',
  subnetpools: 'subnetpools',
  routers: 'routers',
  floatingips: 'floatingips',
  security_groups: 'security-groups',
  security_group_rules: 'security-group-rules',
  quotas: 'quotas',
  agents: 'agents',
};

const resources = endpoint({
  policy: 'public',
  route: 'GET /v2.0',
  replies: { 200: object({ resources: array(object({ name: string(), collection: string(), links: array(link) })) }) },
  handle: async ({ request }) => ({
    200: {
      resources: Object.entries(collections).map(([collection, path]) => ({
        name: collection.replace(/s$/, ''),
        collection,
        links: [{ rel: 'self', href: `${request.base}/v2.0/${path}` }],
      })),
    },
  }),
});

export const versionEndpoints = [versions, resources];
