// Interfaces and extra routes of routers: actions on a router. API: Network v2.0, "Routers".

import { parsePrefix } from '#/services/network/addressing/address.ts';
import { replanRouter } from '#/services/network/affected.ts';
import { readAttributes, both } from '#/services/network/attributes/attribute.ts';
import { hostRoutes, isUuid, shown } from '#/services/network/attributes/checks.ts';
import { networkById } from '#/services/network/networks/network.store.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { needPort, type Port, portById } from '#/services/network/ports/port.store.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { bindHaPorts } from '#/services/network/routers/ha-router.ts';
import { setRoutes, view } from '#/services/network/routers/router.api.ts';
import { checkInterface, type Route } from '#/services/network/routers/router.rules.ts';
import {
  interfaceOwner,
  interfacesOf,
  listRouters,
  needRouter,
  type Router,
} from '#/services/network/routers/router.store.ts';
import { subnetById } from '#/services/network/subnets/subnet.store.ts';
import { db, type SubnetRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const found: Finder<Router> = {
  async find({ tx, path: { id = '' } }) {
    const [router] = await listRouters(tx, { all: true, projectId: '', only: { id: [id] } });
    return router;
  },
  missing: ({ id = '' }) => new Problem('notFound', t.routerNotFound, { id: id.slice(0, 80) }),
};

const owner = '(role:admin) or (role:member and project_id:%(project_id)s)';
const interfaceBody = open({ subnet_id: optional(string({ max: 255 })), port_id: optional(string({ max: 255 })) });
const interfaceReply = object({
  id: string(),
  project_id: string(),
  tenant_id: string(),
  port_id: string(),
  network_id: string(),
  subnet_id: string(),
  subnet_ids: array(string()),
  tags: array(string()),
});

export const addInterface = endpoint({
  policy: 'add_router_interface',
  allow: owner,
  route: 'PUT /v2.0/routers/{id}/add_router_interface',
  find: found,
  body: interfaceBody,
  replies: { 200: interfaceReply },
  handle: async ({ tx, caller, found: router, body }) => {
    const { subnet_id: subnetId, port_id: portId } = checkAsk(body);
    if (subnetId !== undefined && portId !== undefined) throw bad('Cannot specify both subnet-id and port-id');
    const port =
      portId === undefined
        ? await addBySubnet(tx, caller, router, subnetId!)
        : await addByPort(tx, caller, router, portId);
    await changed(tx, router);
    return { 200: reply(router, port) };
  },
});

export const removeInterface = endpoint({
  policy: 'remove_router_interface',
  allow: owner,
  route: 'PUT /v2.0/routers/{id}/remove_router_interface',
  find: found,
  body: interfaceBody,
  replies: { 200: interfaceReply },
  handle: async ({ tx, found: router, body }) => {
    const { subnet_id: subnetId, port_id: portId } = checkAsk(body);
    const interfaces = await interfacesOf(tx, router.id);
    const port = interfaces.find(
      one =>
        (portId === undefined || one.id === portId) &&
        (subnetId === undefined || one.addresses.some(address => address.subnetId === subnetId)),
    );
    if (!port) {
      if (portId !== undefined && interfaces.some(one => one.id === portId))
        throw new Problem('conflict', t.subnetMismatchForPort, { port: portId, subnet: subnetId });
      throw portId === undefined
        ? new Problem('notFound', t.routerInterfaceNotFoundForSubnet, { router: router.id, subnet: subnetId })
        : new Problem('notFound', t.routerInterfaceNotFound, { router: router.id, port: portId });
    }
    await checkUnneeded(tx, router, port);
    await removePort(tx, port.id);
    await changed(tx, router);
    return { 200: reply(router, port) };
  },
});

const routesBody = open({ router: open({ routes: optional(any()) }) });
const routesReply = object({ router: open({ id: string() }) });

export const addRoutes = endpoint({
  policy: 'add_extraroutes',
  allow: owner,
  route: 'PUT /v2.0/routers/{id}/add_extraroutes',
  find: found,
  body: routesBody,
  replies: { 200: routesReply },
  handle: async ({ tx, found: router, body }) => {
    const before = JSON.parse(router.routes) as Route[];
    const added = readRoutes(body.router).filter(route => !before.some(one => same(one, route)));
    await setRoutes(tx, router.id, [...before, ...added]);
    await changed(tx, router);
    return { 200: { router: view(await needRouter(tx, router.id)) } };
  },
});

export const removeRoutes = endpoint({
  policy: 'remove_extraroutes',
  allow: owner,
  route: 'PUT /v2.0/routers/{id}/remove_extraroutes',
  find: found,
  body: routesBody,
  replies: { 200: routesReply },
  handle: async ({ tx, found: router, body }) => {
    const gone = readRoutes(body.router);
    const kept = (JSON.parse(router.routes) as Route[]).filter(route => !gone.some(one => same(one, route)));
    await setRoutes(tx, router.id, kept);
    await changed(tx, router);
    return { 200: { router: view(await needRouter(tx, router.id)) } };
  },
});

export const routerActions = [addInterface, removeInterface, addRoutes, removeRoutes];

const bad = (why: string): Problem => new Problem('invalid', t.badRequest, { resource: 'router', why });
const same = (a: Route, b: Route): boolean => a.destination === b.destination && a.nexthop === b.nexthop;

function readRoutes(sent: unknown): Route[] {
  return (readAttributes({ routes: both(hostRoutes) }, sent, 'post')['routes'] as Route[]) ?? [];
}

function checkAsk(body: { subnet_id?: string; port_id?: string }): { subnet_id?: string; port_id?: string } {
  if (body.subnet_id === undefined && body.port_id === undefined)
    throw bad('Either subnet_id or port_id must be specified');
  for (const [attribute, id] of Object.entries({ subnet_id: body.subnet_id, port_id: body.port_id }))
    if (id !== undefined && !isUuid(id))
      throw new Problem('invalid', t.invalidInput, { attribute, why: `${shown(id)} is not a valid UUID` });
  return body;
}

async function addBySubnet(tx: Tx, caller: Caller, router: Router, subnetId: string): Promise<Port> {
  const subnet = await subnetById(tx, subnetId);
  if (!subnet) throw new Problem('notFound', t.subnetNotFound, { id: subnetId });
  const network = await networkById(tx, subnet.networkId);
  // A subnet that is not the caller's to use is as good as missing.
  if (!network || !(caller.isAdmin || network.projectId === caller.projectId || network.shared))
    throw new Problem('notFound', t.subnetNotFound, { id: subnetId });
  if (subnet.gateway === null) throw bad('Subnet for router interface must have a gateway IP');
  checkInterface(router.id, subnet, await subnetsOfRouter(tx, router.id));
  return makePort(tx, {
    network,
    projectId: router.projectId,
    fixedIps: [{ subnet_id: subnet.id, ip_address: subnet.gateway }],
    deviceId: router.id,
    deviceOwner: interfaceOwner,
    host: router.host,
    portSecurity: false,
  });
}

async function addByPort(tx: Tx, caller: Caller, router: Router, portId: string): Promise<Port> {
  const port = await portById(tx, portId);
  if (!port || !(caller.isAdmin || port.projectId === caller.projectId))
    throw new Problem('notFound', t.portNotFound, { id: portId });
  if (port.deviceId !== '')
    throw new Problem('conflict', t.portInUse, { id: port.id, network: port.networkId, device: port.deviceId });
  if (!port.addresses.length) throw bad('Router port must have at least one fixed IP');
  const others = await subnetsOfRouter(tx, router.id);
  for (const { subnetId } of port.addresses) checkInterface(router.id, (await subnetById(tx, subnetId))!, others);
  await db(tx)
    .updateTable('ports')
    .set({
      deviceId: router.id,
      deviceOwner: interfaceOwner,
      host: router.host,
      status: 'DOWN',
      portSecurity: 0,
      revision: port.revision + 1,
      updatedAt: now(tx),
    })
    .where('id', '=', port.id)
    .execute();
  await db(tx).deleteFrom('portSecurityGroups').where('portId', '=', port.id).execute();
  return needPort(tx, port.id);
}

/** Subnets that the router is on, its gateway's too. */
async function subnetsOfRouter(tx: Tx, routerId: string): Promise<Pick<SubnetRow, 'id' | 'cidr'>[]> {
  return db(tx)
    .selectFrom('ports')
    .innerJoin('portAddresses', 'portAddresses.portId', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'portAddresses.subnetId')
    .select(['subnets.id', 'subnets.cidr'])
    .where('ports.deviceId', '=', routerId)
    .where('ports.deviceOwner', 'in', ['network:router_interface', 'network:router_gateway'])
    .execute();
}

/** @throws Problem conflict while floating IPs or routes go through the interface */
async function checkUnneeded(tx: Tx, router: Router, port: Port): Promise<void> {
  const subnetIds = port.addresses.map(one => one.subnetId);
  if (!subnetIds.length) return;
  const floating = await db(tx)
    .selectFrom('floatingIps')
    .innerJoin('portAddresses', join =>
      join
        .onRef('portAddresses.portId', '=', 'floatingIps.portId')
        .onRef('portAddresses.ip', '=', 'floatingIps.fixedIp'),
    )
    .select('portAddresses.subnetId')
    .where('floatingIps.routerId', '=', router.id)
    .where('portAddresses.subnetId', 'in', subnetIds)
    .executeTakeFirst();
  if (floating)
    throw new Problem('conflict', t.routerInterfaceInUseByFloatingIP, { subnet: floating.subnetId, router: router.id });
  const forwarded = await db(tx)
    .selectFrom('portForwardings')
    .innerJoin('floatingIps', 'floatingIps.id', 'portForwardings.floatingIpId')
    .innerJoin('portAddresses', join =>
      join
        .onRef('portAddresses.portId', '=', 'portForwardings.internalPortId')
        .onRef('portAddresses.ip', '=', 'portForwardings.internalIp'),
    )
    .select('portAddresses.subnetId')
    .where('floatingIps.routerId', '=', router.id)
    .where('portAddresses.subnetId', 'in', subnetIds)
    .executeTakeFirst();
  if (forwarded)
    throw new Problem('conflict', t.routerInterfaceInUseByFloatingIP, {
      subnet: forwarded.subnetId,
      router: router.id,
    });
  for (const subnetId of subnetIds) {
    const prefix = parsePrefix((await subnetById(tx, subnetId))!.cidr)!;
    const uses = (JSON.parse(router.routes) as Route[]).some(({ nexthop }) => isWithin(nexthop, prefix));
    if (uses) throw new Problem('conflict', t.routerInterfaceInUseByRoute, { subnet: subnetId, router: router.id });
  }
}

function isWithin(nexthop: string, prefix: NonNullable<ReturnType<typeof parsePrefix>>): boolean {
  const host = parsePrefix(nexthop)!;
  return host.version === prefix.version && host.first >= prefix.first && host.first <= prefix.last;
}

async function changed(tx: Tx, router: Router): Promise<void> {
  await db(tx)
    .updateTable('routers')
    .set({ revision: router.revision + 1, updatedAt: now(tx) })
    .where('id', '=', router.id)
    .execute();
  if (router.ha) await bindHaPorts(tx, router.id);
  await replanRouter(tx, router.id);
}

function reply(router: Router, port: Port) {
  const subnetIds = port.addresses.map(one => one.subnetId);
  return {
    id: router.id,
    project_id: router.projectId,
    tenant_id: router.projectId,
    port_id: port.id,
    network_id: port.networkId,
    subnet_id: subnetIds[0] ?? '',
    subnet_ids: subnetIds,
    tags: JSON.parse(router.tags) as string[],
  };
}
