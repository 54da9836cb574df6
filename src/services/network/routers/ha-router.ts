// Highly available routers: on several hosts at once, of which one works. They hear one another (VRRP) on a network of their
// project that only administrators see; which one works is theirs to decide, and they tell.

import { replanAll, replanNetwork, replanRouter } from '#/services/network/affected.ts';
import type { Places } from '#/services/network/agents/agent.store.ts';
import { insertNetwork } from '#/services/network/networks/network.api.ts';
import { networkById } from '#/services/network/networks/network.store.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { removeSubnetRow, subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { insertSubnet } from '#/services/network/subnets/subnet.api.ts';
import { db, type NetworkRow, type RouterHostRow, type RouterRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Host } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export const haPortOwner = 'network:router_ha_interface';

/** As Neutron has it: link-local, with room for many hosts and routers. */
const haCidr = '169.254.192.0/18';
/** VRRP has one byte for it, without zero (RFC 5798 §5.2.3). */
const lastVirtualRouterId = 255;

export async function routerHosts(tx: Tx, routerId: string): Promise<RouterHostRow[]> {
  return db(tx).selectFrom('routerHosts').selectAll().where('routerId', '=', routerId).orderBy('host').execute();
}

/** A number that no other router of the project has. @throws Problem conflict when there is none left */
export async function freeVirtualRouterId(tx: Tx, router: Pick<RouterRow, 'id' | 'projectId'>): Promise<number> {
  const rows = await db(tx)
    .selectFrom('routers')
    .select('virtualRouterId')
    .where('projectId', '=', router.projectId)
    .where('virtualRouterId', 'is not', null)
    .execute();
  const taken = new Set(rows.map(row => row.virtualRouterId));
  for (let id = 1; id <= lastVirtualRouterId; id++) if (!taken.has(id)) return id;
  throw new Problem('conflict', t.noVRIDAvailable, { router: router.id });
}

/** Puts a highly available router on as many hosts as it should be on and can; off those that do not work, where others can. */
export async function spreadRouter(
  tx: Tx,
  router: Pick<RouterRow, 'id' | 'projectId'>,
  places: Places,
  fits: (host: Host) => boolean,
): Promise<void> {
  const replicas = await routerHosts(tx, router.id);
  const hosts = new Set(replicas.map(replica => replica.host));
  let isSame = true;
  for (const replica of replicas) {
    if (places.able(replica.host)) continue;
    const other = places.take(hosts, fits);
    if (!other) continue;
    isSame = false;
    await removeReplica(tx, replica);
    hosts.delete(replica.host);
    await addReplica(tx, router, other.name);
    hosts.add(other.name);
  }
  while (hosts.size < networkSettings.of(tx).l3HaAgents) {
    const other = places.take(hosts, fits);
    if (!other) break;
    isSame = false;
    await addReplica(tx, router, other.name);
    hosts.add(other.name);
  }
  if (!isSame) await bindHaPorts(tx, router.id);
}

export async function addReplica(tx: Tx, router: Pick<RouterRow, 'id' | 'projectId'>, host: string): Promise<void> {
  const port = await makePort(tx, {
    network: await haNetwork(tx, router.projectId),
    projectId: '',
    name: `HA port tenant ${router.projectId}`,
    deviceId: router.id,
    deviceOwner: haPortOwner,
    host,
    portSecurity: false,
  });
  await db(tx)
    .insertInto('routerHosts')
    .values({ routerId: router.id, host, portId: port.id, state: 'standby' })
    .execute();
}

export async function removeReplica(tx: Tx, replica: RouterHostRow): Promise<void> {
  await db(tx)
    .deleteFrom('routerHosts')
    .where('routerId', '=', replica.routerId)
    .where('host', '=', replica.host)
    .execute();
  await removePort(tx, replica.portId);
  await replanAll(tx, [replica.host]);
}

/** The router's own ports are on all its hosts; they are shown where it works. */
export async function bindHaPorts(tx: Tx, routerId: string): Promise<void> {
  const replicas = await routerHosts(tx, routerId);
  const host = (replicas.find(one => one.state === 'active') ?? replicas[0])?.host ?? null;
  await db(tx).updateTable('routers').set({ host }).where('id', '=', routerId).execute();
  const ports = await db(tx)
    .selectFrom('ports')
    .select(['id', 'networkId', 'host', 'vnicType'])
    .where('deviceId', '=', routerId)
    .where('deviceOwner', 'in', ['network:router_interface', 'network:router_gateway'])
    .execute();
  for (const { id: portId, networkId, host: before, vnicType } of ports) {
    await replanAll(tx, [before]);
    await db(tx).updateTable('ports').set({ host }).where('id', '=', portId).execute();
    await db(tx).deleteFrom('portBindings').where('portId', '=', portId).execute();
    const standby = replicas.filter(one => one.host !== host);
    if (standby.length)
      await db(tx)
        .insertInto('portBindings')
        .values(standby.map(one => ({ portId, networkId, host: one.host, vnicType, profile: '{}' })))
        .execute();
    await replanNetwork(tx, networkId);
  }
  await replanRouter(tx, routerId);
}

/** Takes a router off all its hosts, and the project's network for such routers with the last of them. */
export async function gatherRouter(tx: Tx, router: Pick<RouterRow, 'id' | 'projectId'>): Promise<void> {
  await replanRouter(tx, router.id);
  for (const replica of await routerHosts(tx, router.id)) await removeReplica(tx, replica);
  await db(tx).updateTable('routers').set({ ha: 0, virtualRouterId: null }).where('id', '=', router.id).execute();
  await bindHaPorts(tx, router.id);
  const others = await db(tx)
    .selectFrom('routers')
    .select('id')
    .where('projectId', '=', router.projectId)
    .where('ha', '=', 1)
    .executeTakeFirst();
  if (!others) await removeHaNetwork(tx, router.projectId);
}

async function haNetwork(tx: Tx, projectId: string): Promise<NetworkRow> {
  const row = await db(tx).selectFrom('haNetworks').selectAll().where('projectId', '=', projectId).executeTakeFirst();
  const known = row && (await networkById(tx, row.networkId));
  if (known) return known;
  const made = await insertNetwork(tx, {
    project_id: '',
    name: `HA network tenant ${projectId}`,
    port_security_enabled: false,
  });
  await insertSubnet(tx, {
    project_id: '',
    network_id: made.id,
    name: `HA subnet tenant ${projectId}`,
    ip_version: 4,
    cidr: haCidr,
    gateway_ip: null,
    enable_dhcp: false,
  });
  const own = { projectId, networkId: made.id };
  await db(tx)
    .insertInto('haNetworks')
    .values(own)
    .onConflict(conflict => conflict.column('projectId').doUpdateSet(own))
    .execute();
  return made;
}

async function removeHaNetwork(tx: Tx, projectId: string): Promise<void> {
  const row = await db(tx).selectFrom('haNetworks').selectAll().where('projectId', '=', projectId).executeTakeFirst();
  if (!row) return;
  await db(tx).deleteFrom('haNetworks').where('projectId', '=', projectId).execute();
  const used = await db(tx).selectFrom('ports').select('id').where('networkId', '=', row.networkId).executeTakeFirst();
  if (used) return;
  for (const subnet of await subnetsOfNetwork(tx, row.networkId)) await removeSubnetRow(tx, subnet.id);
  await db(tx).deleteFrom('networks').where('id', '=', row.networkId).execute();
}

/** A host has told that it works for a router, or that it stands by. */
export async function routerStateTold(tx: Tx, host: string, routerId: string, state: string): Promise<void> {
  const replicas = await routerHosts(tx, routerId);
  const own = replicas.find(replica => replica.host === host);
  if (!own || (state !== 'active' && state !== 'standby') || own.state === state) return;
  if (state === 'active')
    await db(tx).updateTable('routerHosts').set({ state: 'standby' }).where('routerId', '=', routerId).execute();
  await db(tx)
    .updateTable('routerHosts')
    .set({ state })
    .where('routerId', '=', routerId)
    .where('host', '=', host)
    .execute();
  if (state === 'active') await bindHaPorts(tx, routerId);
}
