// Migrations: what moves, how far it is, and what became of earlier ones.
// API: Compute, "Migrations", "Server migrations".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, type Query, type RequestFacts, since } from '#/platform/http/endpoint.ts';
import { nextLink, pageLimit, pageOf } from '#/platform/http/page.ts';
import { any, array, as, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectManager } from '#/services/compute/allow.ts';
import { numberOf } from '#/services/compute/hosts/compute-service.api.ts';
import { underWay } from '#/services/compute/server-migrations/migration.rules.ts';
import {
  changeMigration,
  listMigrations,
  type Migration,
  type MigrationFilter,
} from '#/services/compute/server-migrations/migration.store.ts';
import { serverFinder } from '#/services/compute/servers/server.finder.ts';
import type { Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { linksTo, one, queryTime } from '#/services/compute/wire.ts';

const anything = as<Record<string, unknown>>(any());
const allRule = 'os_compute_api:os-migrations:index:all_projects';
const hostRule = 'os_compute_api:os-migrations:index:host';

function hostsOf({ sourceHost, destHost }: Migration, shown: boolean): Record<string, unknown> {
  const source = shown ? sourceHost : null;
  const dest = shown ? destHost : null;
  return { source_compute: source, source_node: source, dest_compute: dest, dest_node: dest, dest_host: dest };
}

function owner({ userId, projectId }: Migration, version: Microversion): Record<string, unknown> {
  return since(version, '2.80') ? { user_id: userId, project_id: projectId } : {};
}

function view(
  migration: Migration,
  { version, request, hosts }: { version: Microversion; request: RequestFacts; hosts: boolean },
): Record<string, unknown> {
  const { id, uuid, serverId, type, status } = migration;
  const live = type === 'live-migration' && underWay.includes(status);
  return {
    id,
    instance_uuid: serverId,
    status,
    ...hostsOf(migration, hosts),
    old_instance_type_id: numberOf(migration.oldFlavor.id),
    new_instance_type_id: numberOf(migration.newFlavor.id),
    created_at: migration.createdAt,
    updated_at: migration.updatedAt,
    ...(since(version, '2.23') ? { migration_type: type } : {}),
    ...(since(version, '2.23') && live ? { links: linksTo(request, `servers/${serverId}/migrations/${id}`) } : {}),
    ...(since(version, '2.59') ? { uuid } : {}),
    ...owner(migration, version),
  };
}

function filterOf(query: Query, version: Microversion): MigrationFilter {
  return {
    ...(since(version, '2.80') ? { projectId: one(query, 'project_id'), userId: one(query, 'user_id') } : {}),
    serverId: one(query, 'instance_uuid'),
    host: one(query, 'host'),
    sourceHost: one(query, 'source_compute'),
    status: one(query, 'status'),
    type: one(query, 'migration_type'),
    changedSince: since(version, '2.59') ? queryTime(query, 'changes-since') : undefined,
    changedBefore: since(version, '2.66') ? queryTime(query, 'changes-before') : undefined,
  };
}

const list = endpoint({
  policy: 'os_compute_api:os-migrations:index',
  allow: projectManager,
  route: 'GET /v2.1/os-migrations',
  replies: { 200: open({ migrations: array(anything) }) },
  async handle({ tx, query, caller, policy, version, request }) {
    const may = (rule: string): boolean =>
      policy.allows(rule, caller.credentials, { project_id: caller.projectId, user_id: caller.userId });
    const asked = filterOf(query, version);
    const filter = may(allRule) ? asked : { ...asked, projectId: caller.projectId ?? '' };
    const foreign = asked.projectId !== undefined && asked.projectId !== filter.projectId;
    const found = foreign ? [] : await listMigrations(tx, filter);
    const facts = { version, request, hosts: may(hostRule) };
    if (!since(version, '2.59')) return { 200: { migrations: found.map(migration => view(migration, facts)) } };
    const rows = found.map(migration => ({ ...migration, id: migration.uuid, migration }));
    const { rows: page, more } = pageOf(rows, {
      sort: [{ key: 'createdAt', direction: 'desc' }],
      marker: one(query, 'marker'),
      limit: pageLimit(query['limit']),
    });
    const next = more && page.length ? nextLink(request, page.at(-1)!.uuid) : null;
    return {
      200: {
        migrations: page.map(({ migration }) => view(migration, facts)),
        ...(next === null ? {} : { migrations_links: [{ rel: 'next', href: next }] }),
      },
    };
  },
});

function progress(migration: Migration, version: Microversion, hosts: boolean): Record<string, unknown> {
  return {
    id: migration.id,
    server_uuid: migration.serverId,
    status: migration.status,
    ...hostsOf(migration, hosts),
    memory_total_bytes: migration.memoryTotal,
    memory_processed_bytes: migration.memoryProcessed,
    memory_remaining_bytes: migration.memoryRemaining,
    disk_total_bytes: migration.diskTotal,
    disk_processed_bytes: migration.diskProcessed,
    disk_remaining_bytes: migration.diskRemaining,
    created_at: migration.createdAt,
    updated_at: migration.updatedAt,
    ...(since(version, '2.59') ? { uuid: migration.uuid } : {}),
    ...owner(migration, version),
  };
}

async function liveOf(tx: Tx, serverId: string): Promise<Migration[]> {
  return listMigrations(tx, { serverId, type: 'live-migration', statuses: underWay });
}

/** @throws Problem notFound unless it is a live migration of the server that is under way */
async function mustBeLive(tx: Tx, { id }: Server, asked: string | undefined): Promise<Migration> {
  const found = (await liveOf(tx, id)).find(migration => String(migration.id) === asked);
  if (!found) throw new Problem('notFound', t.migrationNotFound, { id, migration: String(asked).slice(0, 40) });
  return found;
}

const liveHostRule = 'os_compute_api:servers:migrations:index:host';

const ofServer = endpoint({
  policy: 'os_compute_api:servers:migrations:index',
  allow: projectManager,
  route: 'GET /v2.1/servers/{server_id}/migrations',
  versions: '2.23-',
  find: serverFinder,
  replies: { 200: object({ migrations: array(anything) }) },
  async handle({ tx, found, version, caller, policy }) {
    const hosts = policy.allows(liveHostRule, caller.credentials, { project_id: found.projectId });
    return { 200: { migrations: (await liveOf(tx, found.id)).map(one => progress(one, version, hosts)) } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:servers:migrations:show',
  allow: admin,
  route: 'GET /v2.1/servers/{server_id}/migrations/{migration_id}',
  versions: '2.23-',
  find: serverFinder,
  replies: { 200: object({ migration: anything }) },
  async handle({ tx, found, path, version }) {
    return { 200: { migration: progress(await mustBeLive(tx, found, path['migration_id']), version, true) } };
  },
});

const abort = endpoint({
  policy: 'os_compute_api:servers:migrations:delete',
  allow: projectManager,
  route: 'DELETE /v2.1/servers/{server_id}/migrations/{migration_id}',
  versions: '2.24-',
  find: serverFinder,
  replies: { 202: null },
  async handle({ tx, found, path, version }) {
    const migration = await mustBeLive(tx, found, path['migration_id']);
    const wanted = since(version, '2.65') ? ['accepted', 'preparing', 'running'] : ['running'];
    mustBe(migration, wanted);
    await changeMigration(tx, migration.uuid, { wish: 'abort' });
    return { 202: undefined };
  },
});

const forceComplete = endpoint({
  policy: 'os_compute_api:servers:migrations:force_complete',
  allow: projectManager,
  route: 'POST /v2.1/servers/{server_id}/migrations/{migration_id}/action',
  action: 'force_complete',
  versions: '2.22-',
  find: serverFinder,
  body: object({ force_complete: as<unknown>(any()) }),
  replies: { 202: null },
  async handle({ tx, found, path }) {
    const migration = await mustBeLive(tx, found, path['migration_id']);
    mustBe(migration, ['running']);
    await changeMigration(tx, migration.uuid, { wish: 'hurry' });
    return { 202: undefined };
  },
});

/** @throws Problem invalid */
function mustBe({ id, status }: Migration, wanted: string[]): void {
  if (!wanted.includes(status)) throw new Problem('invalid', t.migrationState, { migration: id, status, wanted });
}

export const migrationEndpoints = [list, ofServer, show, abort, forceComplete];
export const migrationRules = { [allRule]: admin, [hostRule]: admin, [liveHostRule]: admin };
