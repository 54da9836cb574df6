// Where a new volume goes: the storage host with the most room, or the one that holds what it is made from.

import { type Host, listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

/** Disks are thin: together they may promise this many times what a host has. */
export const overcommitment = 20;

export interface Pool {
  host: Host;
  totalGib: number;
  freeGib: number;
  provisionedGib: number;
}

/** Storage hosts and what has been promised of them. */
export async function pools(tx: Tx): Promise<Pool[]> {
  const rows = await tables(tx)
    .selectFrom('volumes')
    .select(eb => ['host', eb.fn.sum<number>('sizeGib').as('gib')])
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  const promised = new Map(rows.map(({ host, gib }) => [host, Number(gib)]));
  return (await listHosts(tx))
    .filter(host => host.roles.includes('storage'))
    .map(host => ({
      host,
      totalGib: host.volumeCapacity?.totalGib ?? 0,
      freeGib: host.volumeCapacity?.freeGib ?? 0,
      provisionedGib: promised.get(host.name) ?? 0,
    }));
}

/** @throws Problem conflict when no host can take it, saying why for each */
export async function chooseHost(tx: Tx, volume: VolumeRow): Promise<string> {
  const source = await sourceHost(tx, volume);
  if (source !== null) return source;
  const all = await pools(tx);
  const { sizeGib } = volume;
  const fitting = all.filter(pool => refusal(pool, sizeGib) === null);
  const [best] = fitting.toSorted((a, b) => roomOf(b) - roomOf(a) || (a.host.name < b.host.name ? -1 : 1));
  if (best) return best.host.name;
  const hosts = all.map(pool => `${pool.host.name} ${refusal(pool, sizeGib)}`);
  throw new Problem('conflict', t.noHost, { sizeGib, hosts: hosts.length ? hosts : ['there is none'] });
}

function roomOf({ totalGib, provisionedGib }: Pool): number {
  return totalGib * overcommitment - provisionedGib;
}

function refusal(pool: Pool, sizeGib: number): string | null {
  if (!pool.host.up) return 'is down';
  if (!pool.host.enabled) return 'is disabled';
  if (sizeGib > pool.totalGib) return `has ${pool.totalGib} GiB in all`;
  if (pool.freeGib < 1) return 'is full';
  if (roomOf(pool) < sizeGib) return `has promised ${pool.provisionedGib} of ${pool.totalGib} GiB`;
  return null;
}

/** Copies of disks are made where the disk is. */
async function sourceHost(tx: Tx, { snapshotId, sourceVolumeId }: VolumeRow): Promise<string | null> {
  let volumeId = sourceVolumeId;
  if (snapshotId !== null) {
    const snapshot = await tables(tx)
      .selectFrom('volumeSnapshots')
      .select('volumeId')
      .where('id', '=', snapshotId)
      .executeTakeFirst();
    volumeId = snapshot?.volumeId ?? null;
  }
  if (volumeId === null) return null;
  const row = await tables(tx).selectFrom('volumes').select('host').where('id', '=', volumeId).executeTakeFirst();
  return row?.host ?? null;
}

/** What each project has on a host. */
export async function promisedOn(tx: Tx, host: string) {
  const volumes = await tables(tx)
    .selectFrom('volumes')
    .select(['id', 'projectId', 'sizeGib'])
    .where('host', '=', host)
    .execute();
  const snapshots = await tables(tx)
    .selectFrom('volumeSnapshots')
    .innerJoin('volumes', 'volumes.id', 'volumeSnapshots.volumeId')
    .select(['volumeSnapshots.projectId', 'volumeSnapshots.sizeGib'])
    .where('host', '=', host)
    .execute();
  const byProject = new Map<
    string,
    { projectId: string; volumes: number; gib: number; snapshots: number; snapshotGib: number }
  >();
  const of = (projectId: string) => {
    const known = byProject.get(projectId) ?? { projectId, volumes: 0, gib: 0, snapshots: 0, snapshotGib: 0 };
    byProject.set(projectId, known);
    return known;
  };
  for (const { projectId, sizeGib } of volumes) {
    of(projectId).volumes++;
    of(projectId).gib += sizeGib;
  }
  for (const { projectId, sizeGib } of snapshots) {
    of(projectId).snapshots++;
    of(projectId).snapshotGib += sizeGib;
  }
  return [...byProject.values()];
}
