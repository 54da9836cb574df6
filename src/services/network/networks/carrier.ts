// The way out of external networks. Where hosts have an interface on the outside (`external_interface`), each of them reaches
// it by itself, and only they carry routers with a gateway there. Where no host has one, one host is the gateway, with an
// address on the network and masquerading; the others reach it by tunnel.

import { hostsOfNetwork, replanAll } from '#/services/network/affected.ts';
import { ableHosts } from '#/services/network/agents/agent.store.ts';
import { db, type NetworkRow } from '#/services/network/tables.ts';
import { type Host, hostByName, listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

export const hasInterface = (host: Host | undefined): boolean => host?.networkCapabilities?.externalInterface ?? false;

/** The hosts that may carry routers with a gateway on a flat network: all where none has an interface. */
export async function reachesOutside(tx: Tx): Promise<(host: Host) => boolean> {
  const some = (await listHosts(tx)).some(hasInterface);
  return host => !some || hasInterface(host);
}

/** A host has come: it may be the first that can carry, or the first with an interface. */
export async function carrierFor(tx: Tx, host: string): Promise<void> {
  const open = await db(tx)
    .selectFrom('networks')
    .select('id')
    .where('type', '=', 'flat')
    .where('carrier', 'is', null)
    .executeTakeFirst();
  if (open || hasInterface(await hostByName(tx, host))) await placeCarriers(tx);
}

/** Gives every flat network a carrier that works, or takes it away where hosts have interfaces. */
export async function placeCarriers(tx: Tx): Promise<void> {
  const networks = await db(tx).selectFrom('networks').selectAll().where('type', '=', 'flat').execute();
  for (const network of networks) await placeCarrier(tx, network);
}

/** @returns the carrier */
export async function placeCarrier(tx: Tx, network: Pick<NetworkRow, 'id' | 'carrier'>): Promise<string | null> {
  const hosts = await listHosts(tx);
  const able = await ableHosts(tx, 'l3');
  const keeps = network.carrier !== null && able.some(host => host.name === network.carrier);
  const oldest = able.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0))[0];
  let carrier = keeps ? network.carrier : (oldest?.name ?? network.carrier);
  if (hosts.some(hasInterface)) carrier = null;
  if (carrier === network.carrier) return carrier;
  const before = await hostsOfNetwork(tx, network.id);
  await db(tx).updateTable('networks').set({ carrier }).where('id', '=', network.id).execute();
  await replanAll(tx, [...before, carrier]);
  return carrier;
}
