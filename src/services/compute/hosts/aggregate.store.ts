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

export async function listAggregates(tx: Tx): Promise<Aggregate[]> {
  const rows = await table(tx).selectFrom('computeAggregates').selectAll().orderBy('id').execute();
  const members = await table(tx).selectFrom('computeAggregateHosts').selectAll().orderBy('host').execute();
  return rows.map(row => ({
    ...row,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    hosts: members.filter(member => member.aggregateId === row.id).map(member => member.host),
  }));
}

export async function aggregatesByHost(tx: Tx): Promise<Map<string, Aggregate[]>> {
  const map = new Map<string, Aggregate[]>();
  for (const aggregate of await listAggregates(tx))
    for (const host of aggregate.hosts) map.set(host, [...(map.get(host) ?? []), aggregate]);
  return map;
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
