// Holds: the right of a host's guests to reach a volume, for one attachment. A guest that moves has two for a while; who
// may write is decided by taking one back, and what was taken back is never good again.
//
// An attachment without holds was made by a version that knew none: its server is where the volume is.

import { hostsByName } from '#/host/hosts.ts';
import { contextOf, type Tx } from '#/platform/database/tx.ts';
import { tables } from '#/services/block-storage/tables.ts';
import { replanVolume } from '#/services/block-storage/volumes/volume.store.ts';

/** How guests of a host come to a volume: it is there, or another host gives it to whoever shows the ticket. */
export type VolumeWay = { kind: 'here' } | { kind: 'away'; host: string; address: string | null; ticket: string };

/** Exactly these hosts hold the attachment from now on. The volume's host cuts off all others before it goes on serving. */
export async function setHolders(
  tx: Tx,
  { id, volumeId }: { id: string; volumeId: string },
  hosts: readonly string[],
): Promise<void> {
  const held = await tables(tx).selectFrom('volumeHolds').select('host').where('attachmentId', '=', id).execute();
  const lost = held.filter(({ host }) => !hosts.includes(host));
  const gained = hosts.filter(host => !held.some(one => one.host === host));
  if (lost.length) await takeBack(tx, volumeId);
  for (const { host } of lost)
    await tables(tx).deleteFrom('volumeHolds').where('attachmentId', '=', id).where('host', '=', host).execute();
  for (const host of gained) {
    const ticket = contextOf(tx).random.bytes(32).toString('hex');
    await tables(tx).insertInto('volumeHolds').values({ attachmentId: id, host, ticket }).execute();
  }
  if (lost.length || gained.length) await replanVolume(tx, volumeId);
}

/** Somebody may no longer reach the volume: whoever is connected is cut off before anybody else is served. */
export async function takeBack(tx: Tx, volumeId: string): Promise<void> {
  await tables(tx)
    .updateTable('volumes')
    .set(eb => ({ epoch: eb('epoch', '+', 1) }))
    .where('id', '=', volumeId)
    .execute();
}

/** Attachment → how guests of a host come to its volume. What the host does not hold is left out. */
export async function waysFrom(tx: Tx, host: string, attachmentIds: string[]): Promise<Map<string, VolumeWay>> {
  const ways = new Map<string, VolumeWay>();
  for (let at = 0; at < attachmentIds.length; at += 500) {
    const rows = await tables(tx)
      .selectFrom('volumeAttachments')
      .innerJoin('volumes', 'volumes.id', 'volumeAttachments.volumeId')
      .leftJoin('volumeHolds', 'volumeHolds.attachmentId', 'volumeAttachments.id')
      .select(['volumeAttachments.id', 'volumes.host as at', 'volumeHolds.host', 'ticket'])
      .where('volumeAttachments.id', 'in', attachmentIds.slice(at, at + 500))
      .execute();
    const away = rows.filter(row => row.host === host && row.at !== null && row.at !== host);
    const places = new Map(
      (await hostsByName(tx, [...new Set(away.map(row => row.at!))])).map(({ name, address }) => [name, address]),
    );
    for (const { id, at: place, host: holder, ticket } of rows) {
      if (place === null) continue;
      if (holder === null || (holder === host && place === host)) ways.set(id, { kind: 'here' });
      else if (holder === host)
        ways.set(id, { kind: 'away', host: place, address: places.get(place) ?? null, ticket: ticket! });
    }
  }
  return ways;
}

/** Volume of a host → the tickets that other hosts show it. */
export async function ticketsOn(tx: Tx, host: string): Promise<Map<string, string[]>> {
  const rows = await tables(tx)
    .selectFrom('volumeHolds')
    .innerJoin('volumeAttachments', 'volumeAttachments.id', 'volumeHolds.attachmentId')
    .innerJoin('volumes', 'volumes.id', 'volumeAttachments.volumeId')
    .select(['volumes.id', 'ticket'])
    .where('volumes.host', '=', host)
    .where('volumeHolds.host', '!=', host)
    .orderBy('ticket')
    .execute();
  const tickets = new Map<string, string[]>();
  for (const { id, ticket } of rows) tickets.set(id, [...(tickets.get(id) ?? []), ticket]);
  return tickets;
}
