// Ports of servers: made for them or lent by users, bound to the host that they run on, and let go.

import { allocate } from '#/services/network/addressing/allocate.ts';
import { replanAll, replanNetwork } from '#/services/network/affected.ts';
import { touched } from '#/services/network/attributes/standard.ts';
import { usableNetwork } from '#/services/network/networks/network.store.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { needPort, type Port, portById, replaceAddresses } from '#/services/network/ports/port.store.ts';
import { forgetBindings } from '#/services/network/ports/port-binding.store.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { type PortInfo, portInfos } from '#/services/network/server-ports/port-info.ts';
import { securityGroupsByName } from '#/services/network/server-ports/server-groups.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db, type PortRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface ServerPortAsk {
  networkId: string;
  fixedIp?: string;
  /** Names or ids; the project's default group where none are given. */
  securityGroups?: string[];
  serverId: string;
  serverName: string;
  host: string | null;
  dnsName?: string;
}

const computeOwner = 'compute:nova';

/** @throws Problem notFound, overQuota, invalid without subnets, conflict for an address in use or none left */
export async function createServerPort(tx: Tx, caller: Caller, ask: ServerPortAsk): Promise<PortInfo> {
  const network = await usableNetwork(tx, ask.networkId, caller);
  const projectId = caller.projectId ?? '';
  await checkQuota(tx, 'port', projectId);
  const secured = network.portSecurity === 1;
  const groups = secured
    ? await securityGroupsByName(tx, caller, ask.securityGroups?.length ? ask.securityGroups : ['default'])
    : [];
  if (secured && !(await subnetsOfNetwork(tx, network.id)).length)
    throw new Problem('invalid', t.networkNeedsSubnet, { id: network.id });
  const port = await makePort(tx, {
    network,
    projectId,
    ...(ask.fixedIp === undefined ? {} : { fixedIps: [{ ip_address: ask.fixedIp }] }),
    portSecurity: secured,
    groups: groups.map(group => group.id),
    deviceId: ask.serverId,
    deviceOwner: computeOwner,
    host: ask.host,
    dnsName: ask.dnsName ?? '',
    ordinal: await nextOrdinal(tx, ask.serverId),
    ownedByServer: true,
  });
  return one(tx, port);
}

export interface BindPortAsk {
  portId: string;
  fixedIp?: string;
  serverId: string;
  serverName?: string;
  host: string | null;
}

/**
 * Lends a port of the caller's to a server.
 * @throws Problem notFound, conflict when it is in use, invalid when it has no address though its network has subnets
 */
export async function bindServerPort(tx: Tx, caller: Caller, ask: BindPortAsk): Promise<PortInfo> {
  const port = await portById(tx, ask.portId);
  if (!port || !(caller.isAdmin || port.projectId === caller.projectId))
    throw new Problem('notFound', t.portNotFound, { id: ask.portId.slice(0, 80) });
  if (port.deviceId !== '')
    throw new Problem('conflict', t.portInUse, { id: port.id, network: port.networkId, device: port.deviceId });
  if (port.deviceOwner.startsWith('network:'))
    throw new Problem('conflict', t.portInUse, { id: port.id, network: port.networkId, device: port.deviceOwner });
  const subnets = await subnetsOfNetwork(tx, port.networkId);
  if (ask.fixedIp !== undefined) {
    const addresses = await allocate(tx, {
      networkId: port.networkId,
      subnets,
      fixedIps: [{ ip_address: ask.fixedIp }],
      mac: port.mac,
      deviceOwner: computeOwner,
      keep: port.addresses,
    });
    await replaceAddresses(tx, port, addresses);
  } else if (!port.addresses.length && subnets.length)
    throw new Problem('invalid', t.portNeedsAddress, { id: port.id });
  await change(tx, port, {
    deviceId: ask.serverId,
    deviceOwner: computeOwner,
    host: ask.host,
    status: 'DOWN',
    ordinal: await nextOrdinal(tx, ask.serverId),
  });
  return one(tx, await needPort(tx, port.id));
}

/** Binds a port to another host, or to none. It is up again when that host says so. */
export async function setPortHost(tx: Tx, portId: string, host: string | null): Promise<void> {
  const port = await portById(tx, portId);
  if (!port) return;
  await forgetBindings(tx, port);
  if (port.host !== host) await change(tx, port, { host, status: 'DOWN' });
}

/** Deletes a port that was made for its server; one that a user lent is only let go. */
export async function releaseServerPort(tx: Tx, portId: string): Promise<void> {
  const port = await portById(tx, portId);
  if (!port) return;
  if (port.ownedByServer) await removePort(tx, portId);
  else {
    await forgetBindings(tx, port);
    await change(tx, port, { deviceId: '', deviceOwner: '', host: null, status: 'DOWN', ordinal: 0 });
  }
}

async function change(tx: Tx, port: Port, changes: Partial<PortRow>): Promise<void> {
  await replanAll(tx, [port.host]);
  await db(tx)
    .updateTable('ports')
    .set({ ...touched(tx, port), ...changes })
    .where('id', '=', port.id)
    .execute();
  await replanAll(tx, [changes.host ?? null]);
  await replanNetwork(tx, port.networkId);
  const { networkId } = port;
  await emit(tx, {
    type: 'port.updated',
    projectId: port.projectId || null,
    resourceId: port.id,
    payload: { portId: port.id, deviceId: changes.deviceId ?? port.deviceId, networkId, host: changes.host ?? null },
  });
}

async function nextOrdinal(tx: Tx, serverId: string): Promise<number> {
  const { last } = await db(tx)
    .selectFrom('ports')
    .select(eb => eb.fn.max<number | string | null>('ordinal').as('last'))
    .where('deviceId', '=', serverId)
    .executeTakeFirstOrThrow();
  return Number(last ?? 0) + 1;
}

async function one(tx: Tx, port: Port): Promise<PortInfo> {
  return (await portInfos(tx, [port]))[0]!;
}
