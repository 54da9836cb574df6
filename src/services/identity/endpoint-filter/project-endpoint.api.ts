// Endpoints given to projects one by one, and what a project has been given.
// API: Identity v3, "OS-EP-FILTER", associations.

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { endpointsOfProject } from '#/services/identity/catalog/catalog.store.ts';
import { endpointFinder, viewEndpoint } from '#/services/identity/catalog/endpoint.api.ts';
import { viewGroup } from '#/services/identity/endpoint-filter/endpoint-group.api.ts';
import { findProject } from '#/services/identity/projects/project.store.ts';
import { viewProject } from '#/services/identity/projects/project.view.ts';
import { type CatalogEndpointRow, type ProjectRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { listLinks, notFound, schemas } from '#/services/identity/wire.ts';

const base = '/v3/OS-EP-FILTER';
const pairPath = `${base}/projects/{project_id}/endpoints/{endpoint_id}`;

/** A project, to administrators only. */
const projectOnly: Finder<ProjectRow> = {
  find: ({ tx, path }) => findProject(tx, path['project_id']!),
  missing: path => notFound('project', path['project_id']),
  visible: () => false,
};

interface Pair {
  project: ProjectRow;
  endpoint: CatalogEndpointRow;
}
const pairFinder: Finder<Pair> = {
  async find(asked) {
    const project = await projectOnly.find(asked);
    const found = await endpointFinder.find(asked);
    return project && found && { project, endpoint: found };
  },
  missing: path => notFound('project or endpoint', `${path['project_id']}, ${path['endpoint_id']}`),
  visible: () => false,
};

/** @throws Problem notFound */
async function checkPaired(tx: Tx, { project, endpoint: { id } }: Pair): Promise<void> {
  const row = await tables(tx)
    .selectFrom('endpointProjects')
    .selectAll()
    .where('endpointId', '=', id)
    .where('projectId', '=', project.id)
    .executeTakeFirst();
  if (!row) throw notFound('endpoint in project', id);
}

const add = endpoint({
  policy: 'identity:add_endpoint_to_project',
  allow: admin,
  route: `PUT ${pairPath}`,
  summary: 'Gives a project an endpoint',
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await tables(tx)
      .insertInto('endpointProjects')
      .values({ endpointId: found.endpoint.id, projectId: found.project.id })
      .onConflict(conflict => conflict.doNothing())
      .execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

const check = (['GET', 'HEAD'] as const).map(method =>
  endpoint({
    policy: 'identity:check_endpoint_in_project',
    allow: systemReader,
    route: `${method} ${pairPath}`,
    summary: 'Checks whether a project was given an endpoint',
    find: pairFinder,
    replies: { 204: null },
    async handle({ tx, found }) {
      await checkPaired(tx, found);
      return { 204: undefined };
    },
  }),
);

const drop = endpoint({
  policy: 'identity:remove_endpoint_from_project',
  allow: admin,
  route: `DELETE ${pairPath}`,
  summary: 'Takes an endpoint from a project',
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await checkPaired(tx, found);
    await tables(tx)
      .deleteFrom('endpointProjects')
      .where('endpointId', '=', found.endpoint.id)
      .where('projectId', '=', found.project.id)
      .execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

const endpoints = endpoint({
  policy: 'identity:list_endpoints_for_project',
  allow: systemReader,
  route: `GET ${base}/projects/{project_id}/endpoints`,
  summary: 'Lists the endpoints that a project was given',
  find: projectOnly,
  replies: { 200: schemas.list('endpoints') },
  async handle({ tx, found, request }) {
    const ids = await endpointsOfProject(tx, found.id);
    const rows = await tables(tx).selectFrom('catalogEndpoints').selectAll().orderBy('id').execute();
    const kept = rows.filter(({ id }) => ids.has(id)).map(row => viewEndpoint(row, request));
    return { 200: { endpoints: kept, links: listLinks(request) } };
  },
});

const groups = endpoint({
  policy: 'identity:list_endpoint_groups_for_project',
  allow: systemReader,
  route: `GET ${base}/projects/{project_id}/endpoint_groups`,
  summary: 'Lists the endpoint groups of a project',
  find: projectOnly,
  replies: { 200: schemas.list('endpoint_groups') },
  async handle({ tx, found, request }) {
    const rows = await tables(tx)
      .selectFrom('endpointGroups')
      .innerJoin('endpointGroupProjects', 'endpointGroupProjects.endpointGroupId', 'endpointGroups.id')
      .selectAll('endpointGroups')
      .where('endpointGroupProjects.projectId', '=', found.id)
      .orderBy('endpointGroups.id')
      .execute();
    return { 200: { endpoint_groups: rows.map(row => viewGroup(row, request)), links: listLinks(request) } };
  },
});

const projects = endpoint({
  policy: 'identity:list_projects_for_endpoint',
  allow: systemReader,
  route: `GET ${base}/endpoints/{endpoint_id}/projects`,
  summary: 'Lists the projects that were given an endpoint',
  find: endpointFinder,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, found, request }) {
    const rows = await tables(tx)
      .selectFrom('projects')
      .innerJoin('endpointProjects', 'endpointProjects.projectId', 'projects.id')
      .selectAll('projects')
      .where('endpointProjects.endpointId', '=', found.id)
      .orderBy('projects.id')
      .execute();
    return { 200: { projects: rows.map(row => viewProject(row, request)), links: listLinks(request) } };
  },
});

export const projectEndpointEndpoints = [add, ...check, drop, endpoints, groups, projects];
