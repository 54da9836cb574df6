// Endpoint groups: filters that say which endpoints a project's catalog shows.
// API: Identity v3, "OS-EP-FILTER", endpoint groups.

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { nullable, object, oneOf, open, optional, string } from '#/platform/http/schema.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { fitsEndpointFilter } from '#/services/identity/catalog/catalog.store.ts';
import { viewEndpoint } from '#/services/identity/catalog/endpoint.api.ts';
import { findProject } from '#/services/identity/projects/project.store.ts';
import { viewProject } from '#/services/identity/projects/project.view.ts';
import { type EndpointGroupRow, type ProjectRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import {
  anyQuery,
  checkSameId,
  json,
  listLinks,
  listOf,
  notFound,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';

const path = '/v3/OS-EP-FILTER/endpoint_groups';
const filters = () =>
  object({
    service_id: optional(string()),
    region_id: optional(string()),
    interface: optional(oneOf('public', 'internal', 'admin')),
  });
const reply = schemas.wrapped('endpoint_group');

export function viewGroup(row: EndpointGroupRow, request: RequestFacts): Wire {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    filters: json(row.filters),
    links: { self: selfLink(request, `OS-EP-FILTER/endpoint_groups/${row.id}`) },
  };
}

async function findGroup(tx: Tx, id: string): Promise<EndpointGroupRow | undefined> {
  return tables(tx).selectFrom('endpointGroups').selectAll().where('id', '=', id).executeTakeFirst();
}

const finder: Finder<EndpointGroupRow> = {
  find: ({ tx, path: { endpoint_group_id: id = '' } }) => findGroup(tx, id),
  missing: ({ endpoint_group_id: id }) => notFound('endpoint group', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_endpoint_groups',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists endpoint groups',
  query: anyQuery,
  replies: { 200: schemas.list('endpoint_groups') },
  async handle({ tx, query, request }) {
    const rows = await tables(tx).selectFrom('endpointGroups').selectAll().orderBy('id').execute();
    return {
      200: listOf(
        request,
        query,
        'endpoint_groups',
        rows.map(row => viewGroup(row, request)),
      ),
    };
  },
});

const show = (['GET', 'HEAD'] as const).map(method =>
  endpoint({
    policy: 'identity:get_endpoint_group',
    allow: systemReader,
    route: `${method} ${path}/{endpoint_group_id}`,
    summary: 'Shows an endpoint group',
    find: finder,
    replies: { 200: reply },
    handle: async ({ found, request }) => ({ 200: { endpoint_group: viewGroup(found, request) } }),
  }),
);

const create = endpoint({
  policy: 'identity:create_endpoint_group',
  allow: admin,
  route: `POST ${path}`,
  summary: 'Creates an endpoint group',
  body: object({
    endpoint_group: open({ name: schemas.name(), filters: filters(), description: schemas.description() }),
  }),
  replies: { 201: reply },
  async handle({ tx, body: { endpoint_group: ask }, request }) {
    const row = {
      id: newHexId(tx),
      name: ask.name,
      description: ask.description ?? null,
      filters: JSON.stringify(ask.filters),
    };
    await tables(tx).insertInto('endpointGroups').values(row).execute();
    return { 201: { endpoint_group: viewGroup(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_endpoint_group',
  allow: admin,
  route: `PATCH ${path}/{endpoint_group_id}`,
  summary: 'Changes an endpoint group',
  find: finder,
  body: object({
    endpoint_group: open({
      name: optional(schemas.name()),
      filters: optional(filters()),
      description: optional(nullable(string())),
    }),
  }),
  replies: { 200: reply },
  async handle({ tx, body: { endpoint_group: ask }, found, request }) {
    checkSameId(ask, found.id);
    const row: EndpointGroupRow = {
      ...found,
      name: ask.name ?? found.name,
      description: ask.description === undefined ? found.description : ask.description,
      filters: JSON.stringify({ ...json(found.filters), ...ask.filters }),
    };
    await tables(tx).updateTable('endpointGroups').set(row).where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 200: { endpoint_group: viewGroup(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_endpoint_group',
  allow: admin,
  route: `DELETE ${path}/{endpoint_group_id}`,
  summary: 'Deletes an endpoint group',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found: { id } }) {
    await tables(tx).deleteFrom('endpointGroupProjects').where('endpointGroupId', '=', id).execute();
    await tables(tx).deleteFrom('endpointGroups').where('id', '=', id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

const endpoints = endpoint({
  policy: 'identity:list_endpoints_associated_with_endpoint_group',
  allow: systemReader,
  route: `GET ${path}/{endpoint_group_id}/endpoints`,
  summary: 'Lists the endpoints of an endpoint group',
  find: finder,
  replies: { 200: schemas.list('endpoints') },
  async handle({ tx, found, request }) {
    const rows = await tables(tx).selectFrom('catalogEndpoints').selectAll().orderBy('id').execute();
    const kept = rows.filter(row => fitsEndpointFilter(row, json(found.filters)));
    return { 200: { endpoints: kept.map(row => viewEndpoint(row, request)), links: listLinks(request) } };
  },
});

const projects = endpoint({
  policy: 'identity:list_projects_associated_with_endpoint_group',
  allow: systemReader,
  route: `GET ${path}/{endpoint_group_id}/projects`,
  summary: 'Lists the projects of an endpoint group',
  find: finder,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, found, request }) {
    const rows = await tables(tx)
      .selectFrom('projects')
      .innerJoin('endpointGroupProjects', 'endpointGroupProjects.projectId', 'projects.id')
      .selectAll('projects')
      .where('endpointGroupProjects.endpointGroupId', '=', found.id)
      .orderBy('projects.id')
      .execute();
    return { 200: { projects: rows.map(row => viewProject(row, request)), links: listLinks(request) } };
  },
});

interface Pair {
  group: EndpointGroupRow;
  project: ProjectRow;
}
const pairFinder: Finder<Pair> = {
  async find({ tx, path: { endpoint_group_id: groupId = '', project_id: projectId = '' } }) {
    const group = await findGroup(tx, groupId);
    const project = await findProject(tx, projectId);
    return group && project && { group, project };
  },
  missing: ({ endpoint_group_id: group, project_id: project }) =>
    notFound('endpoint group or project', `${group}, ${project}`),
  visible: () => false,
};
const pairPath = `${path}/{endpoint_group_id}/projects/{project_id}`;

async function isPaired(tx: Tx, { group, project }: Pair): Promise<void> {
  const row = await tables(tx)
    .selectFrom('endpointGroupProjects')
    .selectAll()
    .where('endpointGroupId', '=', group.id)
    .where('projectId', '=', project.id)
    .executeTakeFirst();
  if (!row) throw notFound('endpoint group in project', group.id);
}

const inProject = (['GET', 'HEAD'] as const).map(method =>
  endpoint({
    policy: 'identity:get_endpoint_group_in_project',
    allow: systemReader,
    route: `${method} ${pairPath}`,
    summary: 'Shows an endpoint group of a project',
    find: pairFinder,
    replies: { 200: schemas.wrapped('project_endpoint_group') },
    async handle({ tx, found: { group, project }, request }) {
      await isPaired(tx, { group, project });
      const links = { self: selfLink(request, `OS-EP-FILTER/endpoint_groups/${group.id}/projects/${project.id}`) };
      return { 200: { project_endpoint_group: { endpoint_group_id: group.id, project_id: project.id, links } } };
    },
  }),
);

const add = endpoint({
  policy: 'identity:add_endpoint_group_to_project',
  allow: admin,
  route: `PUT ${pairPath}`,
  summary: 'Gives a project an endpoint group',
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found: { group, project } }) {
    await tables(tx)
      .insertInto('endpointGroupProjects')
      .values({ endpointGroupId: group.id, projectId: project.id })
      .onConflict(conflict => conflict.doNothing())
      .execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

const drop = endpoint({
  policy: 'identity:remove_endpoint_group_from_project',
  allow: admin,
  route: `DELETE ${pairPath}`,
  summary: 'Takes an endpoint group from a project',
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await isPaired(tx, found);
    const { group, project } = found;
    await tables(tx)
      .deleteFrom('endpointGroupProjects')
      .where('endpointGroupId', '=', group.id)
      .where('projectId', '=', project.id)
      .execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

export const endpointGroupEndpoints = [
  list,
  ...show,
  create,
  update,
  remove,
  endpoints,
  projects,
  ...inProject,
  add,
  drop,
];
