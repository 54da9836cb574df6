// Port forwardings: single ports of a floating IP that lead to ports of servers. API: Network v2.0, "Floating IP port forwarding".

import { replanRouter } from '#/services/network/affected.ts';
import {
  type Attributes,
  both,
  readAttributes,
  readOnly,
  type Values,
} from '#/services/network/attributes/attribute.ts';
import { among, integer, ipAddress, uuid } from '#/services/network/attributes/checks.ts';
import { asList, chooseFields, filtersOf, makeFilter, page } from '#/services/network/attributes/list.ts';
import { anyQuery } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, touched } from '#/services/network/attributes/standard.ts';
import { routerBetween } from '#/services/network/floating-ips/associate.ts';
import { type FloatingIp, floatingIpById } from '#/services/network/floating-ips/floating-ip.store.ts';
import { portById } from '#/services/network/ports/port.store.ts';
import { db, type PortForwardingRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const port = integer(1, 65_535);
const attributes: Attributes = {
  id: readOnly(),
  external_port: both(port),
  internal_port: both(port),
  internal_ip_address: both(ipAddress),
  internal_port_id: both(uuid),
  protocol: both(among('tcp', 'udp')),
  description: standardAttributes()['description']!,
};

interface Found {
  floating: FloatingIp;
  forwarding: PortForwardingRow | null;
  projectId: string;
}

const finder = (one: boolean): Finder<Found> => ({
  async find({ tx, path }) {
    const floating = await floatingIpById(tx, path['floatingip_id'] ?? '');
    const forwarding = floating?.forwardings.find(row => row.id === path['id']) ?? null;
    return floating && (forwarding || !one) ? { floating, forwarding, projectId: floating.projectId } : undefined;
  },
  missing: ({ floatingip_id: floatingIp = '', id }) =>
    id === undefined
      ? new Problem('notFound', t.floatingIPNotFound, { id: floatingIp.slice(0, 80) })
      : new Problem('notFound', t.portForwardingNotFound, { id: id.slice(0, 80) }),
  target: ({ projectId }) => ({ 'ext_parent:project_id': projectId, project_id: projectId }),
});

const write = '(role:admin) or (role:member and project_id:%(ext_parent:project_id)s)';
const read = '(role:admin) or (role:reader and project_id:%(ext_parent:project_id)s)';
const path = '/v2.0/floatingips/{floatingip_id}/port_forwardings';
const shape = open({ id: any() });
const body = open({ port_forwarding: open({}) });

function view(row: PortForwardingRow): Values {
  return {
    id: row.id,
    external_port: row.externalPort,
    internal_port: row.internalPort,
    internal_ip_address: row.internalIp,
    internal_port_id: row.internalPortId,
    protocol: row.protocol,
    description: row.description,
  };
}

const list = endpoint({
  policy: 'get_floatingip_port_forwarding',
  allow: read,
  route: `GET ${path}`,
  query: anyQuery,
  find: finder(false),
  replies: { 200: open({ port_forwardings: array(shape) }) },
  handle: async ({ found, query, request }) => {
    const passes = makeFilter(filtersOf(query), new Set(Object.keys(attributes)), {});
    const { rows } = page(found.floating.forwardings.map(view).filter(passes), query, request, Object.keys(attributes));
    return { 200: { port_forwardings: rows.map(row => chooseFields(row, asList(query['fields']))) } };
  },
});

const show = endpoint({
  policy: 'get_floatingip_port_forwarding',
  route: `GET ${path}/{id}`,
  find: finder(true),
  replies: { 200: object({ port_forwarding: shape }) },
  handle: async ({ found }) => ({ 200: { port_forwarding: view(found.forwarding!) } }),
});

const create = endpoint({
  policy: 'create_floatingip_port_forwarding',
  allow: write,
  route: `POST ${path}`,
  find: finder(false),
  body,
  replies: { 201: object({ port_forwarding: shape }) },
  handle: async ({ tx, caller, found: { floating }, body: sent }) => {
    const values = readAttributes(attributes, sent.port_forwarding, 'post');
    if (floating.portId !== null) throw bad(`the floating IP ${floating.ip} is associated with a port`);
    const row: PortForwardingRow = {
      ...newStandard(tx, { project_id: floating.projectId, description: values['description'] }),
      floatingIpId: floating.id,
      ...columns(values, null),
    };
    await settle(tx, caller, floating, row);
    await db(tx).insertInto('portForwardings').values(row).execute();
    return { 201: { port_forwarding: view(row) } };
  },
});

const update = endpoint({
  policy: 'update_floatingip_port_forwarding',
  allow: write,
  route: `PUT ${path}/{id}`,
  find: finder(true),
  body,
  replies: { 200: object({ port_forwarding: shape }) },
  handle: async ({ tx, caller, found: { floating, forwarding }, body: sent }) => {
    const values = readAttributes(attributes, sent.port_forwarding, 'put');
    const row = { ...forwarding!, ...columns(values, forwarding), ...touched(tx, forwarding!, values) };
    await settle(tx, caller, floating, row);
    await db(tx).updateTable('portForwardings').set(row).where('id', '=', row.id).execute();
    return { 200: { port_forwarding: view(row) } };
  },
});

const remove = endpoint({
  policy: 'delete_floatingip_port_forwarding',
  allow: write,
  route: `DELETE ${path}/{id}`,
  find: finder(true),
  replies: { 204: null },
  handle: async ({ tx, found: { floating, forwarding } }) => {
    await db(tx).deleteFrom('portForwardings').where('id', '=', forwarding!.id).execute();
    if (floating.routerId) await replanRouter(tx, floating.routerId);
    // With the last forwarding the address leads nowhere.
    if (floating.forwardings.length === 1)
      await db(tx)
        .updateTable('floatingIps')
        .set({ routerId: null, status: 'DOWN', updatedAt: now(tx) })
        .where('id', '=', floating.id)
        .execute();
    return { 204: undefined };
  },
});

export const portForwardingEndpoints = [list, show, create, update, remove];

const bad = (why: string): Problem => new Problem('invalid', t.badRequest, { resource: 'port_forwarding', why });

function columns(
  values: Values,
  before: PortForwardingRow | null,
): Pick<PortForwardingRow, 'externalPort' | 'internalPort' | 'internalIp' | 'internalPortId' | 'protocol'> {
  return {
    externalPort: (values['external_port'] ?? before?.externalPort) as number,
    internalPort: (values['internal_port'] ?? before?.internalPort) as number,
    internalIp: (values['internal_ip_address'] ?? before?.internalIp) as string,
    internalPortId: (values['internal_port_id'] ?? before?.internalPortId) as string,
    protocol: (values['protocol'] ?? before?.protocol) as string,
  };
}

/** Checks where a forwarding leads, and puts the floating IP on the router between. @throws Problem */
async function settle(tx: Tx, caller: Caller, floating: FloatingIp, row: PortForwardingRow): Promise<void> {
  const inner = await portById(tx, row.internalPortId);
  if (!inner || !(caller.isAdmin || inner.projectId === caller.projectId))
    throw new Problem('notFound', t.portNotFound, { id: row.internalPortId });
  const address = inner.addresses.find(one => one.ip === row.internalIp);
  if (!address || row.internalIp.includes(':'))
    throw bad(`port ${inner.id} does not have the IPv4 address ${row.internalIp}`);
  const others = floating.forwardings.filter(one => one.id !== row.id && one.protocol === row.protocol);
  if (others.some(one => one.externalPort === row.externalPort))
    throw bad(`external port ${row.externalPort}/${row.protocol} of ${floating.ip} is forwarded already`);
  if (
    others.some(
      one =>
        one.internalPortId === row.internalPortId &&
        one.internalIp === row.internalIp &&
        one.internalPort === row.internalPort,
    )
  )
    throw bad(`${row.internalIp}:${row.internalPort}/${row.protocol} is forwarded already`);
  const routerId = await routerBetween(tx, address.subnetId, floating.networkId, inner.id);
  if (floating.routerId !== null && floating.routerId !== routerId)
    throw bad(`the floating IP ${floating.ip} is on another router`);
  if (floating.routerId === null)
    await db(tx)
      .updateTable('floatingIps')
      .set({ routerId, updatedAt: now(tx) })
      .where('id', '=', floating.id)
      .execute();
  await replanRouter(tx, routerId);
}
