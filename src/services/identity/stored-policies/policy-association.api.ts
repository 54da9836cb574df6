// Which stored policy document belongs to which endpoint: to the endpoint itself, to its service in its region or one
// above, or to its service everywhere; the nearest counts.
// API: Identity v3, "OS-ENDPOINT-POLICY".

import type { Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { endpointFinder, viewEndpoint } from '#/services/identity/catalog/endpoint.api.ts';
import { storedPolicyFinder, viewPolicy } from '#/services/identity/stored-policies/stored-policy.api.ts';
import {
  type CatalogEndpointRow,
  type PolicyAssociationRow,
  type PolicyRow,
  tables,
} from '#/services/identity/tables.ts';
import { listLinks, notFound, schemas } from '#/services/identity/wire.ts';

const base = '/v3/policies/{policy_id}/OS-ENDPOINT-POLICY';
const kinds = [
  { what: 'endpoint', path: 'endpoints/{endpoint_id}' },
  { what: 'service', path: 'services/{service_id}' },
  { what: 'region_and_service', path: 'services/{service_id}/regions/{region_id}' },
] as const;

/** The association that a path names; its parts must be there. */
const pairFinder: Finder<PolicyAssociationRow> = {
  async find({ tx, path }) {
    const { policy_id: policyId = '', endpoint_id: endpointId, service_id: serviceId, region_id: regionId } = path;
    const has = async (table: 'storedPolicies' | 'catalogEndpoints' | 'catalogServices' | 'regions', id?: string) =>
      id === undefined ||
      (await tables(tx).selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
    const all =
      (await has('storedPolicies', policyId)) &&
      (await has('catalogEndpoints', endpointId)) &&
      (await has('catalogServices', serviceId)) &&
      (await has('regions', regionId));
    return all
      ? { policyId, endpointId: endpointId ?? '', serviceId: serviceId ?? '', regionId: regionId ?? '' }
      : undefined;
  },
  missing: path => notFound('policy, endpoint, service or region', Object.values(path).join(', ')),
  target: () => ({}),
  visible: () => false,
};

async function isAssociated(tx: Tx, pair: PolicyAssociationRow): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('policyAssociations')
    .select('policyId')
    .where('policyId', '=', pair.policyId)
    .where('endpointId', '=', pair.endpointId)
    .where('serviceId', '=', pair.serviceId)
    .where('regionId', '=', pair.regionId)
    .executeTakeFirst();
  return row !== undefined;
}

function pairEndpoints({ what, path }: (typeof kinds)[number]): Endpoint[] {
  const check = (['GET', 'HEAD'] as const).map(method =>
    endpoint({
      policy: `identity:check_policy_association_for_${what}`,
      allow: systemReader,
      route: `${method} ${base}/${path}`,
      summary: 'Checks an association of a policy document',
      find: pairFinder,
      replies: { 204: null },
      async handle({ tx, found }) {
        if (!(await isAssociated(tx, found))) throw notFound('policy association', found.policyId);
        return { 204: undefined };
      },
    }),
  );
  const create = endpoint({
    policy: `identity:create_policy_association_for_${what}`,
    allow: admin,
    route: `PUT ${base}/${path}`,
    summary: 'Associates a policy document',
    find: pairFinder,
    replies: { 204: null },
    async handle({ tx, found }) {
      await tables(tx)
        .insertInto('policyAssociations')
        .values(found)
        .onConflict(conflict =>
          conflict.columns(['endpointId', 'serviceId', 'regionId']).doUpdateSet({ policyId: found.policyId }),
        )
        .execute();
      return { 204: undefined };
    },
  });
  const remove = endpoint({
    policy: `identity:delete_policy_association_for_${what}`,
    allow: admin,
    route: `DELETE ${base}/${path}`,
    summary: 'Ends an association of a policy document',
    find: pairFinder,
    replies: { 204: null },
    async handle({ tx, found }) {
      if (!(await isAssociated(tx, found))) throw notFound('policy association', found.policyId);
      await tables(tx)
        .deleteFrom('policyAssociations')
        .where('endpointId', '=', found.endpointId)
        .where('serviceId', '=', found.serviceId)
        .where('regionId', '=', found.regionId)
        .execute();
      return { 204: undefined };
    },
  });
  return [...check, create, remove];
}

interface Known {
  associations: PolicyAssociationRow[];
  parents: Map<string, string | null>;
}

async function allKnown(tx: Tx): Promise<Known> {
  const regions = await tables(tx).selectFrom('regions').select(['id', 'parentRegionId']).execute();
  return {
    associations: await tables(tx).selectFrom('policyAssociations').selectAll().execute(),
    parents: new Map(regions.map(({ id, parentRegionId }) => [id, parentRegionId])),
  };
}

/** The id of the document that holds for an endpoint. */
export function policyOfEndpoint(
  { associations, parents }: Known,
  { id, serviceId, regionId }: Pick<CatalogEndpointRow, 'id' | 'serviceId' | 'regionId'>,
): string | undefined {
  const own = associations.find(row => row.endpointId === id);
  if (own) return own.policyId;
  const ofService = associations.filter(row => row.serviceId === serviceId);
  for (let at = regionId; at !== null && at !== undefined; at = parents.get(at) ?? null) {
    const here = ofService.find(row => row.regionId === at);
    if (here) return here.policyId;
  }
  return ofService.find(row => row.regionId === '')?.policyId;
}

const listEndpoints = endpoint({
  policy: 'identity:list_endpoints_for_policy',
  allow: systemReader,
  route: `GET ${base}/endpoints`,
  summary: 'Lists the endpoints for which a policy document holds',
  find: storedPolicyFinder,
  replies: { 200: schemas.list('endpoints') },
  async handle({ tx, found, request }) {
    const known = await allKnown(tx);
    const rows = await tables(tx).selectFrom('catalogEndpoints').selectAll().orderBy('id').execute();
    const kept = rows.filter(row => policyOfEndpoint(known, row) === found.id);
    return { 200: { endpoints: kept.map(row => viewEndpoint(row, request)), links: listLinks(request) } };
  },
});

const ofEndpoint = (['GET', 'HEAD'] as const).map(method =>
  endpoint({
    policy: 'identity:get_policy_for_endpoint',
    allow: systemReader,
    route: `${method} /v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy`,
    summary: 'Shows the policy document that holds for an endpoint',
    find: endpointFinder,
    replies: { 200: schemas.wrapped('policy') },
    async handle({ tx, found, request }) {
      const id = policyOfEndpoint(await allKnown(tx), found);
      const row: PolicyRow | undefined =
        id === undefined
          ? undefined
          : await tables(tx).selectFrom('storedPolicies').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw notFound('policy for endpoint', found.id);
      return { 200: { policy: viewPolicy(row, request) } };
    },
  }),
);

export const policyAssociationEndpoints = [...kinds.flatMap(pairEndpoints), listEndpoints, ...ofEndpoint];
