// Finding servers: filters, order and pages, all in one query.

import { sql } from 'kysely';
import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { type Microversion, type Query, since } from '#/platform/http/endpoint.ts';
import { pageLimit } from '#/platform/http/page.ts';
import { isTrue } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { nameFilter } from '#/services/compute/servers/name-filter.ts';
import { statesOfStatus } from '#/services/compute/servers/server.rules.ts';
import { serverTables, shownColumns, type ShownServer, toServer } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { flag, one, queryTime } from '#/services/compute/wire.ts';
import { serversByAddress } from '#/services/network/contract.ts';

type Column =
  | 'name'
  | 'createdAt'
  | 'updatedAt'
  | 'id'
  | 'host'
  | 'vmState'
  | 'taskState'
  | 'powerState'
  | 'keyName'
  | 'launchedAt'
  | 'launchIndex'
  | 'projectId'
  | 'userId'
  | 'hostname'
  | 'imageId'
  | 'configDrive'
  | 'pinnedZone'
  | 'zone'
  | 'lockedBy'
  | 'accessIpv4'
  | 'accessIpv6'
  | 'rootDevice'
  | 'description'
  | 'flavor'
  | 'reservationId';

/** Names on the wire that lists can be ordered by. */
const sortColumns: Record<string, Column> = {
  access_ip_v4: 'accessIpv4',
  access_ip_v6: 'accessIpv6',
  auto_disk_config: 'id',
  availability_zone: 'zone',
  config_drive: 'configDrive',
  created_at: 'createdAt',
  display_description: 'description',
  display_name: 'name',
  host: 'host',
  hostname: 'hostname',
  image_ref: 'imageId',
  instance_type_id: 'flavor',
  kernel_id: 'imageId',
  key_name: 'keyName',
  launch_index: 'launchIndex',
  launched_at: 'launchedAt',
  locked: 'lockedBy',
  locked_by: 'lockedBy',
  node: 'host',
  power_state: 'powerState',
  progress: 'vmState',
  project_id: 'projectId',
  ramdisk_id: 'imageId',
  root_device_name: 'rootDevice',
  task_state: 'taskState',
  terminated_at: 'id',
  updated_at: 'updatedAt',
  user_id: 'userId',
  uuid: 'id',
  vm_state: 'vmState',
};

/** Everybody's filters, and since when those that once were the administrators'. */
const anyones = new Set([
  'reservation_id',
  'name',
  'status',
  'image',
  'flavor',
  'ip',
  'ip6',
  'changes-since',
  'changes-before',
  'all_tenants',
  'tags',
  'tags-any',
  'not-tags',
  'not-tags-any',
  'locked',
  'sort_key',
  'sort_dir',
  'limit',
  'marker',
  'deleted',
  'soft_deleted',
]);
const anyonesSince83 = new Set([
  'availability_zone',
  'config_drive',
  'key_name',
  'created_at',
  'launched_at',
  'terminated_at',
  'power_state',
  'task_state',
  'vm_state',
  'progress',
  'user_id',
]);
const admins = new Set([
  ...anyonesSince83,
  'host',
  'node',
  'hostname',
  'project_id',
  'tenant_id',
  'uuid',
  'access_ip_v4',
  'access_ip_v6',
  'auto_disk_config',
  'description',
  'display_description',
  'display_name',
  'image_ref',
  'instance_type_id',
  'kernel_id',
  'ramdisk_id',
  'launch_index',
  'locked_by',
  'root_device_name',
  'created-at',
]);

export interface ServerPage {
  servers: ShownServer[];
  /** The last id of this page when there are more after it. */
  next: string | null;
}

export async function listServers(
  tx: Tx,
  asked: {
    query: Query;
    caller: Caller;
    policy: Policy;
    version: Microversion;
    request: { url: string };
    detail: boolean;
  },
): Promise<ServerPage> {
  const { caller, policy, version, detail } = asked;
  const query = readable(asked.query, caller, policy, version);
  const projectId = projectOf(query, caller, policy, detail);
  const limit = pageLimit(query['limit']);
  let rows = serverTables(tx).selectFrom('computeServers').select(shownColumns);
  if (projectId !== null) rows = rows.where('projectId', '=', projectId);
  const status = one(query, 'status');
  if (status !== undefined) {
    const states = [query['status']!].flat().map(word => ({ word, states: statesOfStatus(word) }));
    const unknown = states.find(({ states }) => states === null);
    if (unknown && since(version, '2.38'))
      throw new Problem('invalid', t.badStatus, { status: unknown.word.slice(0, 80) });
    if (states.some(({ word }) => /^deleted$/i.test(word)) && !caller.isAdmin)
      throw new Problem('forbidden', t.needsRule, { rule: 'os_compute_api:servers:allow_all_filters' });
    const wanted = states.flatMap(({ states }) => states ?? []);
    if (wanted.length === 0) return { servers: [], next: null };
    rows = rows.where('vmState', 'in', wanted);
    const tasks: Record<string, string> = { REBOOT: 'rebooting', HARD_REBOOT: 'rebooting_hard', REBUILD: 'rebuilding' };
    const task = tasks[status.toUpperCase()];
    if (task) rows = rows.where('taskState', '=', task as never);
  }
  if ((flag(query, 'deleted') || flag(query, 'soft_deleted')) && caller.isAdmin) return { servers: [], next: null };
  for (const [key, column] of Object.entries(equals)) {
    const value = one(query, key);
    if (value !== undefined) rows = rows.where(column, '=', value as never);
  }
  for (const key of ['power_state', 'launch_index'] as const) {
    const value = one(query, key);
    if (value === undefined) continue;
    if (!/^\d{1,9}$/.test(value)) throw new Problem('invalid', t.badFilter, { key, value: value.slice(0, 80) });
    rows = rows.where(key === 'power_state' ? 'powerState' : 'launchIndex', '=', Number(value));
  }
  const image = one(query, 'image');
  if (image !== undefined) rows = rows.where('imageId', '=', image.split('/').at(-1)!);
  const flavor = one(query, 'flavor');
  if (flavor !== undefined)
    rows = rows.where(
      sql<boolean>`"flavor" like ${`{"id":${like(JSON.stringify(flavor.split('/').at(-1)!))},%`} escape '\\'`,
    );
  const name = one(query, 'name') ?? one(query, 'display_name');
  if (name !== undefined) {
    const ids = await idsByName(tx, projectId, nameFilter(name));
    if (ids.length === 0) return { servers: [], next: null };
    rows = rows.where('id', 'in', ids);
  }
  const from = queryTime(query, 'changes-since');
  if (from !== undefined) rows = rows.where('updatedAt', '>=', from);
  const before = since(version, '2.66') ? queryTime(query, 'changes-before') : undefined;
  if (before !== undefined) rows = rows.where('updatedAt', '<=', before);
  if (from !== undefined && before !== undefined && before < from)
    throw new Problem('invalid', t.badFilter, { key: 'changes-since', value: 'it is after changes-before' });
  const locked = since(version, '2.73') ? one(query, 'locked') : undefined;
  if (locked !== undefined) rows = rows.where('lockedBy', flag(query, 'locked') ? 'is not' : 'is', null);
  const drive = one(query, 'config_drive');
  if (drive !== undefined) rows = rows.where('configDrive', '=', isTrue(drive) ? 1 : 0);
  if (since(version, '2.26')) {
    const has = (tag: string) => sql<boolean>`"tags" like ${`%${like(JSON.stringify(tag))}%`} escape '\\'`;
    for (const tag of tagsOf(query, 'tags')) rows = rows.where(has(tag));
    const some = tagsOf(query, 'tags-any');
    if (some.length) rows = rows.where(eb => eb.or(some.map(has)));
    const notAll = tagsOf(query, 'not-tags');
    if (notAll.length) rows = rows.where(eb => eb.not(eb.and(notAll.map(has))));
    for (const tag of tagsOf(query, 'not-tags-any')) rows = rows.where(eb => eb.not(has(tag)));
  }
  for (const [key, family] of [
    ['ip', 4],
    ['ip6', 6],
  ] as const) {
    const pattern = one(query, key);
    if (pattern === undefined || (key === 'ip6' && !since(version, '2.5') && !caller.isAdmin)) continue;
    const ids = await serversByAddress(tx, projectId, family, pattern);
    if (ids.length === 0) return { servers: [], next: null };
    rows = rows.where('id', 'in', ids);
  }
  const order = orderOf(query, caller);
  const marker = one(query, 'marker');
  if (marker !== undefined) {
    const at = await serverTables(tx)
      .selectFrom('computeServers')
      .selectAll()
      .where('id', '=', marker)
      .executeTakeFirst();
    if (!at || (projectId !== null && at.projectId !== projectId))
      throw new Problem('invalid', platformTexts.invalidMarker, { marker: marker.slice(0, 80) });
    // After the marker: a later first key, or an equal one and a later second, and so on.
    rows = rows.where(eb =>
      eb.or(
        order.map(({ column, direction }, depth) =>
          eb.and([
            ...order.slice(0, depth).map(({ column: equal }) => sql<boolean>`${valueOf(equal)} = ${at[equal] ?? ''}`),
            direction === 'asc'
              ? sql<boolean>`${valueOf(column)} > ${at[column] ?? ''}`
              : sql<boolean>`${valueOf(column)} < ${at[column] ?? ''}`,
          ]),
        ),
      ),
    );
  }
  for (const { column, direction } of order) rows = rows.orderBy(valueOf(column), direction);
  if (limit === 0) return { servers: [], next: null };
  const found = await rows.limit(limit + 1).execute();
  const page = found.slice(0, limit).map(row => toServer(row as never));
  return { servers: page, next: found.length > limit ? page.at(-1)!.id : null };
}

const nullable = new Set<Column>([
  'accessIpv4',
  'accessIpv6',
  'zone',
  'pinnedZone',
  'description',
  'host',
  'imageId',
  'keyName',
  'launchedAt',
  'lockedBy',
  'taskState',
]);

/** Both engines put nothing first. */
function valueOf(column: Column) {
  return nullable.has(column) ? sql`coalesce(${sql.ref(column)}, '')` : sql`${sql.ref(column)}`;
}

const equals: Record<string, Column> = {
  reservation_id: 'reservationId',
  host: 'host',
  node: 'host',
  hostname: 'hostname',
  uuid: 'id',
  user_id: 'userId',
  key_name: 'keyName',
  task_state: 'taskState',
  vm_state: 'vmState',
  availability_zone: 'zone',
  access_ip_v4: 'accessIpv4',
  access_ip_v6: 'accessIpv6',
  description: 'description',
  display_description: 'description',
  locked_by: 'lockedBy',
  root_device_name: 'rootDevice',
  image_ref: 'imageId',
  created_at: 'createdAt',
  launched_at: 'launchedAt',
};

/** The parameters that count for this caller. Those of administrators are passed over; unknown ones are refused from 2.75 on. */
function readable(query: Query, caller: Caller, policy: Policy, version: Microversion): Query {
  const all = policy.allows('os_compute_api:servers:allow_all_filters', caller.credentials, {
    project_id: caller.projectId,
  });
  const kept: Query = {};
  for (const [key, value] of Object.entries(query)) {
    const known = anyones.has(key) || admins.has(key);
    if (!known && since(version, '2.75'))
      throw new Problem('invalid', platformTexts.invalidQuery, {
        where: key.slice(0, 80),
        why: 'there is no such parameter',
      });
    if (anyones.has(key) || (all && known) || (since(version, '2.83') && anyonesSince83.has(key))) kept[key] = value;
  }
  return kept;
}

/** Null for all projects. */
function projectOf(query: Query, caller: Caller, policy: Policy, detail: boolean): string | null {
  const other = one(query, 'project_id') ?? one(query, 'tenant_id');
  if (!flag(query, 'all_tenants')) return caller.projectId ?? '';
  const rule = `os_compute_api:servers:${detail ? 'detail' : 'index'}:get_all_tenants`;
  if (!policy.allows(rule, caller.credentials, { project_id: caller.projectId }))
    throw new Problem('forbidden', t.allTenants, { rule });
  return other ?? null;
}

function orderOf(query: Query, caller: Caller): { column: Column; direction: 'asc' | 'desc' }[] {
  const keys = [query['sort_key'] ?? []].flat();
  const directions = [query['sort_dir'] ?? []].flat();
  for (const direction of directions)
    if (direction !== 'asc' && direction !== 'desc')
      throw new Problem('invalid', platformTexts.invalidQuery, {
        where: 'sort_dir',
        why: `'${direction.slice(0, 40)}' is neither asc nor desc`,
      });
  const direction = (at: number): 'asc' | 'desc' => (directions[at] ?? directions[0] ?? 'desc') as 'asc' | 'desc';
  const order = keys.map((key, at) => {
    const column = Object.hasOwn(sortColumns, key) ? sortColumns[key] : undefined;
    if (!column) throw new Problem('invalid', t.badSortKey, { key: key.slice(0, 80) });
    if ((key === 'host' || key === 'node') && !caller.isAdmin) throw new Problem('forbidden', t.badSortKey, { key });
    return { column, direction: direction(at) };
  });
  if (!order.some(({ column }) => column === 'createdAt'))
    order.push({ column: 'createdAt', direction: direction(keys.length) });
  if (!order.some(({ column }) => column === 'id')) order.push({ column: 'id', direction: direction(keys.length) });
  return order;
}

function tagsOf(query: Query, key: string): string[] {
  return [query[key] ?? []]
    .flat()
    .flatMap(text => text.split(','))
    .filter(tag => tag !== '');
}

async function idsByName(tx: Tx, projectId: string | null, fits: (name: string) => boolean): Promise<string[]> {
  let names = serverTables(tx).selectFrom('computeServers').select(['id', 'name']);
  if (projectId !== null) names = names.where('projectId', '=', projectId);
  return (await names.execute()).filter(({ name }) => fits(name)).map(({ id }) => id);
}

/** A text that LIKE takes as it is. */
function like(text: string): string {
  return text.replaceAll(/[\\%_]/g, match => `\\${match}`);
}
