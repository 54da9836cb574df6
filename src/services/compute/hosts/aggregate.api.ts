// Host aggregates. API: Compute, "Host aggregates".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, array, as, mapOf, nullable, object, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin } from '#/services/compute/allow.ts';
import {
  addAggregateHost,
  type Aggregate,
  aggregatesByHost,
  changeAggregate,
  defaultZone,
  deleteAggregate,
  insertAggregate,
  listAggregates,
  removeAggregateHost,
  zoneOf,
} from '#/services/compute/hosts/aggregate.store.ts';
import { serverTables } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { name } from '#/services/compute/wire.ts';
import { hostByName } from '#/host/hosts.ts';

const reply = object({ aggregate: as<Record<string, unknown>>(any()) });

function view(aggregate: Aggregate, version: Microversion): Record<string, unknown> {
  return {
    id: aggregate.id,
    ...(since(version, '2.41') ? { uuid: aggregate.uuid } : {}),
    name: aggregate.name,
    availability_zone: aggregate.metadata['availability_zone'] ?? null,
    hosts: aggregate.hosts,
    metadata: aggregate.metadata,
    created_at: aggregate.createdAt,
    updated_at: aggregate.updatedAt,
    deleted: false,
    deleted_at: null,
  };
}

const find: Finder<Aggregate> = {
  find: async ({ tx, path }) =>
    (await listAggregates(tx)).find(aggregate => String(aggregate.id) === path['aggregate_id']),
  missing: path => new Problem('notFound', t.aggregateNotFound, { id: path['aggregate_id']?.slice(0, 80) }),
};

async function reread(tx: Tx, id: number): Promise<Aggregate> {
  return (await listAggregates(tx)).find(aggregate => aggregate.id === id)!;
}

const list = endpoint({
  policy: 'os_compute_api:os-aggregates:index',
  allow: admin,
  route: 'GET /v2.1/os-aggregates',
  replies: { 200: object({ aggregates: array(as<object>(any())) }) },
  handle: async ({ tx, version }) => ({
    200: { aggregates: (await listAggregates(tx)).map(aggregate => view(aggregate, version)) },
  }),
});

const show = endpoint({
  policy: 'os_compute_api:os-aggregates:show',
  allow: admin,
  route: 'GET /v2.1/os-aggregates/{aggregate_id}',
  find,
  replies: { 200: reply },
  handle: async ({ found, version }) => ({ 200: { aggregate: view(found, version) } }),
});

const zoneName = () => nullable(string({ min: 1, max: 255, pattern: '^[^:]*$' }));

const create = endpoint({
  policy: 'os_compute_api:os-aggregates:create',
  allow: admin,
  route: 'POST /v2.1/os-aggregates',
  body: object({ aggregate: object({ name: name(), availability_zone: optional(zoneName()) }) }),
  replies: { 200: reply },
  async handle({ tx, body, version }) {
    const { name, availability_zone: zone } = body.aggregate;
    if ((await listAggregates(tx)).some(aggregate => aggregate.name === name))
      throw new Problem('conflict', t.aggregateExists, { name });
    await insertAggregate(tx, { name, metadata: zone ? { availability_zone: zone } : {} });
    const aggregate = (await listAggregates(tx)).find(one => one.name === name)!;
    const { hosts: _, metadata: __, ...fresh } = view(aggregate, version);
    return { 200: { aggregate: fresh } };
  },
});

const update = endpoint({
  policy: 'os_compute_api:os-aggregates:update',
  allow: admin,
  route: 'PUT /v2.1/os-aggregates/{aggregate_id}',
  find,
  body: object({ aggregate: object({ name: optional(name()), availability_zone: optional(zoneName()) }) }),
  replies: { 200: reply },
  async handle({ tx, found, body, version }) {
    const ask = body.aggregate;
    if (ask.name !== undefined && (await listAggregates(tx)).some(one => one.name === ask.name && one.id !== found.id))
      throw new Problem('conflict', t.aggregateExists, { name: ask.name });
    const metadata =
      ask.availability_zone === undefined
        ? found.metadata
        : merged(found.metadata, { availability_zone: ask.availability_zone });
    await mayMove(tx, found, metadata);
    await changeAggregate(tx, found.id, { name: ask.name, metadata });
    return { 200: { aggregate: view(await reread(tx, found.id), version) } };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:os-aggregates:delete',
  allow: admin,
  route: 'DELETE /v2.1/os-aggregates/{aggregate_id}',
  find,
  replies: { 200: null },
  async handle({ tx, found }) {
    if (found.hosts.length > 0) throw new Problem('invalid', t.aggregateHasHosts, { id: found.id, hosts: found.hosts });
    await deleteAggregate(tx, found.id);
    return { 200: undefined };
  },
});

/** Null takes a key away. */
function merged(metadata: Record<string, string>, change: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ ...metadata, ...change }).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** A host is in one zone at a time, and stays in it while it has servers. @throws Problem conflict */
async function mayMove(
  tx: Tx,
  aggregate: Aggregate,
  metadata: Record<string, string>,
  hosts = aggregate.hosts,
): Promise<void> {
  const zone = metadata['availability_zone'];
  const byHost = await aggregatesByHost(tx);
  for (const host of hosts) {
    const others = (byHost.get(host) ?? []).filter(one => one.id !== aggregate.id);
    const other = others.find(one => one.metadata['availability_zone'])?.metadata['availability_zone'];
    if (zone && other && zone !== other) throw new Problem('conflict', t.aggregateZones, { host, zone: other });
    const now = zoneOf(byHost.get(host));
    if ((zone ?? other ?? defaultZone) === now) continue;
    const server = await serverTables(tx)
      .selectFrom('computeServers')
      .select('id')
      .where('host', '=', host)
      .limit(1)
      .executeTakeFirst();
    if (server) throw new Problem('conflict', t.aggregateZoneServers, { host });
  }
}

const actionPath = 'POST /v2.1/os-aggregates/{aggregate_id}/action';
const hostBody = object({ host: string({ min: 1, max: 255 }) });

const addHost = endpoint({
  policy: 'os_compute_api:os-aggregates:add_host',
  allow: admin,
  route: actionPath,
  action: 'add_host',
  find,
  body: object({ add_host: hostBody }),
  replies: { 200: reply },
  async handle({ tx, found, body, version }) {
    const { host } = body.add_host;
    if (!(await hostByName(tx, host))) throw new Problem('notFound', t.hostNotFound, { host });
    if (found.hosts.includes(host)) throw new Problem('conflict', t.aggregateHostExists, { id: found.id, host });
    await mayMove(tx, found, found.metadata, [host]);
    await addAggregateHost(tx, found.id, host);
    return { 200: { aggregate: view(await reread(tx, found.id), version) } };
  },
});

const removeHost = endpoint({
  policy: 'os_compute_api:os-aggregates:remove_host',
  allow: admin,
  route: actionPath,
  action: 'remove_host',
  find,
  body: object({ remove_host: hostBody }),
  replies: { 200: reply },
  async handle({ tx, found, body, version }) {
    const { host } = body.remove_host;
    if (!found.hosts.includes(host)) throw new Problem('notFound', t.aggregateHostNotFound, { id: found.id, host });
    await mayMove(tx, found, {}, [host]);
    await removeAggregateHost(tx, found.id, host);
    return { 200: { aggregate: view(await reread(tx, found.id), version) } };
  },
});

const setMetadata = endpoint({
  policy: 'os_compute_api:os-aggregates:set_metadata',
  allow: admin,
  route: actionPath,
  action: 'set_metadata',
  find,
  body: object({
    set_metadata: object({ metadata: mapOf(nullable(string({ max: 255 })), { key: '^[a-zA-Z0-9\\-_:. ]{1,255}$' }) }),
  }),
  replies: { 200: reply },
  async handle({ tx, found, body, version }) {
    const metadata = merged(found.metadata, body.set_metadata.metadata);
    await mayMove(tx, found, metadata);
    await changeAggregate(tx, found.id, { metadata });
    return { 200: { aggregate: view(await reread(tx, found.id), version) } };
  },
});

export const aggregateEndpoints = [list, show, create, update, remove, addHost, removeHost, setMetadata];
