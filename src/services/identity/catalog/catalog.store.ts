// The catalog that a token carries: the enabled services, and where each is reached.

import type { Tx } from '#/platform/database/tx.ts';
import { tables } from '#/services/identity/tables.ts';

export interface CatalogEntry {
  id: string;
  type: string;
  name: string;
  endpoints: { id: string; interface: string; region_id: string | null; region: string | null; url: string }[];
}

/** The catalog for a token scoped to a project, or to none: then without endpoints that name one. */
export async function catalogFor(tx: Tx, projectId: string | null): Promise<CatalogEntry[]> {
  const db = tables(tx);
  const services = await db
    .selectFrom('catalogServices')
    .selectAll()
    .where('enabled', '=', 1)
    .orderBy('type')
    .orderBy('id')
    .execute();
  const endpoints = await db
    .selectFrom('catalogEndpoints')
    .selectAll()
    .where('enabled', '=', 1)
    .orderBy('interface')
    .orderBy('id')
    .execute();
  const chosen = projectId === null ? null : await endpointsOfProject(tx, projectId);
  const byService = new Map<string, CatalogEntry['endpoints']>();
  for (const row of endpoints) {
    if (chosen?.size && !chosen.has(row.id)) continue;
    const url = filledIn(row.url, projectId);
    if (url === null) continue;
    const list = byService.get(row.serviceId) ?? [];
    list.push({ id: row.id, interface: row.interface, region_id: row.regionId, region: row.regionId, url });
    byService.set(row.serviceId, list);
  }
  return services
    .map(({ id, type, name }) => ({ id, type, name, endpoints: byService.get(id) ?? [] }))
    .filter(entry => !chosen?.size || entry.endpoints.length > 0);
}

/** What OS-EP-FILTER gives a project: endpoints named one by one, and those that its groups match. None: it has all. */
export async function endpointsOfProject(tx: Tx, projectId: string): Promise<Set<string>> {
  const db = tables(tx);
  const direct = await db
    .selectFrom('endpointProjects')
    .select('endpointId')
    .where('projectId', '=', projectId)
    .execute();
  const ids = new Set(direct.map(({ endpointId }) => endpointId));
  const groups = await db
    .selectFrom('endpointGroupProjects')
    .innerJoin('endpointGroups', 'endpointGroups.id', 'endpointGroupProjects.endpointGroupId')
    .select('endpointGroups.filters')
    .where('endpointGroupProjects.projectId', '=', projectId)
    .execute();
  if (!groups.length) return ids;
  const endpoints = await db.selectFrom('catalogEndpoints').selectAll().execute();
  for (const { filters } of groups)
    for (const endpoint of endpoints)
      if (fitsEndpointFilter(endpoint, JSON.parse(filters) as Record<string, unknown>)) ids.add(endpoint.id);
  return ids;
}

/** Whether an endpoint is of the service, region and interface that a group names. */
export function fitsEndpointFilter(
  endpoint: { serviceId: string; regionId: string | null; interface: string },
  filters: Record<string, unknown>,
): boolean {
  const { service_id: service, region_id: region, interface: kind } = filters;
  return (
    (service === undefined || service === endpoint.serviceId) &&
    (region === undefined || region === endpoint.regionId) &&
    (kind === undefined || kind === endpoint.interface)
  );
}

/** A URL with its places filled in; null where it needs a project and there is none. */
export function filledIn(url: string, projectId: string | null): string | null {
  let fits = true;
  const filled = url.replaceAll(/[$%]\((\w+)\)s/g, (whole, name: string) => {
    if (name !== 'project_id' && name !== 'tenant_id') return whole;
    if (projectId === null) fits = false;
    return projectId ?? '';
  });
  return fits ? filled : null;
}
