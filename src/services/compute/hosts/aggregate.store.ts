// Host aggregates: sets of hosts with metadata. One with `availability_zone` is what users see as a zone.

import type { Generated } from 'kysely';
import { newId, now, type Tx } from '#/platform/database/tx.ts';

interface AggregateRow {
  id: Generated<number>;
  uuid: string;
  name: string;
  metadata: string;
  createdAt: string;
  updatedAt: string | null;
}

export interface Aggregate extends Omit<AggregateRow, 'id' | 'metadata'> {
  id: number;
  metadata: Record<string, string>;
  hosts: string[];
}

function table(tx: Tx) {
  return tx.withTables<{
    computeAggregates: AggregateRow;
    computeAggregateHosts: { aggregateId: number; host: string };
  }>();
}

/** Hosts that are in no zone are in this one. */
export const defaultZone = 'nova';
/** Where the control plane's own services are. */
export const internalZone = 'internal';

export function zoneOf(aggregates: Pick<Aggregate, 'metadata'>[] | undefined): string {
  return (
    aggregates?.find(({ metadata }) => metadata['availability_zone'])?.metadata['availability_zone'] ?? defaultZone
  );
}

/** @param hosts only these are named as members */
export async function listAggregates(tx: Tx, hosts?: string[]): Promise<Aggregate[]> {
  const rows = await table(tx).selectFrom('computeAggregates').selectAll().orderBy('id').execute();
  if (rows.length === 0) return [];
  const all = table(tx).selectFrom('computeAggregateHosts').selectAll().orderBy('host');
  const members = await (hosts ? all.where('host', 'in', hosts) : all).execute();
  return rows.map(row => ({
    ...row,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    hosts: members.filter(member => member.aggregateId === row.id).map(member => member.host),
  }));
}

/** @param hosts of these only */
export async function aggregatesByHost(tx: Tx, hosts?: string[]): Promise<Map<string, Aggregate[]>> {
  const map = new Map<string, Aggregate[]>();
  for (const aggregate of await listAggregates(tx, hosts))
    for (const host of aggregate.hosts) map.set(host, [...(map.get(host) ?? []), aggregate]);
  return map;
}

export async function zoneOfHost(tx: Tx, host: string): Promise<string> {
  return zoneOf((await aggregatesByHost(tx, [host])).get(host));
}

/** The hosts of a zone that is an aggregate's; none when there is no such zone. */
export async function hostsOfZone(tx: Tx, zone: string): Promise<string[]> {
  const rows = await table(tx).selectFrom('computeAggregates').select(['id', 'metadata']).execute();
  const ids = rows
    .filter(row => (JSON.parse(row.metadata) as Record<string, string>)['availability_zone'] === zone)
    .map(row => row.id);
  if (ids.length === 0) return [];
  const members = table(tx).selectFrom('computeAggregateHosts').select('host').distinct();
  return (await members.where('aggregateId', 'in', ids).orderBy('host').execute()).map(row => row.host);
}

export async function insertAggregate(
  tx: Tx,
  aggregate: { name: string; metadata: Record<string, string> },
): Promise<void> {
  const { name, metadata } = aggregate;
  await table(tx)
    .insertInto('computeAggregates')
    .values({ uuid: newId(tx), name, metadata: JSON.stringify(metadata), createdAt: now(tx), updatedAt: null })
    .execute();
}

export async function changeAggregate(
  tx: Tx,
  id: number,
  change: { name?: string; metadata?: Record<string, string> },
): Promise<void> {
  await table(tx)
    .updateTable('computeAggregates')
    .set({
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.metadata ? { metadata: JSON.stringify(change.metadata) } : {}),
      updatedAt: now(tx),
    })
    .where('id', '=', id)
    .execute();
}

export async function deleteAggregate(tx: Tx, id: number): Promise<void> {
  await table(tx).deleteFrom('computeAggregates').where('id', '=', id).execute();
}

export async function addAggregateHost(tx: Tx, aggregateId: number, host: string): Promise<void> {
  await table(tx).insertInto('computeAggregateHosts').values({ aggregateId, host }).execute();
}

export async function removeAggregateHost(tx: Tx, aggregateId: number, host: string): Promise<void> {
  await table(tx)
    .deleteFrom('computeAggregateHosts')
    .where('aggregateId', '=', aggregateId)
    .where('host', '=', host)
    .execute();
}
