// Takes a free prefix out of a subnet pool.

import {
  bitsOf,
  contains,
  overlap,
  parsePrefix,
  type Prefix,
  prefixAt,
} from '#/services/network/addressing/address.ts';
import { db, type SubnetPoolRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** The pool that a subnet is made from, if any. @throws Problem notFound, invalid when there is no default pool */
export async function choosePool(
  tx: Tx,
  ask: { id: string | null | undefined; useDefault: boolean; version: number; projectId: string },
): Promise<SubnetPoolRow | undefined> {
  const pools = db(tx).selectFrom('subnetPools').selectAll();
  if (ask.id) {
    const pool = await pools.where('id', '=', ask.id).executeTakeFirst();
    if (!pool || (pool.projectId !== ask.projectId && !pool.shared))
      throw new Problem('notFound', t.subnetPoolNotFound, { id: ask.id });
    if (pool.version !== ask.version)
      throw new Problem('invalid', t.badRequest, {
        resource: 'subnets',
        why: `the subnet pool has IP version ${pool.version}`,
      });
    return pool;
  }
  if (!ask.useDefault) return undefined;
  const pool = await pools.where('isDefault', '=', 1).where('version', '=', ask.version).executeTakeFirst();
  if (!pool) throw new Problem('notFound', t.subnetPoolNotFound, { id: 'default' });
  return pool;
}

/** @throws Problem invalid for a prefix that is not the pool's, conflict when nothing is left */
export async function allocateFromPool(
  tx: Tx,
  pool: SubnetPoolRow,
  ask: { cidr: string | null; length: number | undefined; projectId: string },
): Promise<Prefix> {
  const rows = await db(tx)
    .selectFrom('subnets')
    .select(['cidr', 'projectId'])
    .where('subnetPoolId', '=', pool.id)
    .execute();
  const taken = rows.map(row => parsePrefix(row.cidr)!);
  const prefixes = (JSON.parse(pool.prefixes) as string[]).map(cidr => parsePrefix(cidr)!);
  const length = ask.cidr ? parsePrefix(ask.cidr)!.length : (ask.length ?? pool.defaultPrefix);
  if (length < pool.minPrefix || length > pool.maxPrefix)
    throw new Problem('invalid', t.subnetAllocationError, {
      why: `a prefix of length ${length} is not between ${pool.minPrefix} and ${pool.maxPrefix}`,
    });
  checkDefaultQuota(
    pool,
    rows.filter(row => row.projectId === ask.projectId).map(row => parsePrefix(row.cidr)!),
    length,
  );
  if (ask.cidr) {
    const wanted = parsePrefix(ask.cidr)!;
    const inside = prefixes.some(
      prefix => contains(prefix, { version: wanted.version, value: wanted.first }) && prefix.length <= wanted.length,
    );
    if (!inside || taken.some(other => overlap(other, wanted)))
      throw new Problem('conflict', t.subnetAllocationError, {
        why: 'Cannot allocate requested subnet from the available set of prefixes',
      });
    return wanted;
  }
  for (const prefix of prefixes) {
    const free = firstFree(prefix, length, taken);
    if (free) return free;
  }
  throw new Problem('conflict', t.subnetAllocationError, { why: 'Insufficient prefix space to allocate subnet size' });
}

/** Jumps from one taken prefix to the next, so that a large pool costs no more than its subnets. */
function firstFree(within: Prefix, length: number, taken: Prefix[]): Prefix | undefined {
  if (length < within.length) return undefined;
  let candidate = prefixAt({ version: within.version, value: within.first }, length);
  const inOrder = taken.filter(other => overlap(other, within)).toSorted((a, b) => (a.first < b.first ? -1 : 1));
  for (const other of inOrder) {
    if (!overlap(other, candidate)) continue;
    const next = prefixAt({ version: within.version, value: other.last }, length);
    candidate = prefixAt({ version: within.version, value: next.last + 1n }, length);
  }
  return candidate.last <= within.last && candidate.first >= within.first ? candidate : undefined;
}

/** Counted in addresses for IPv4, in /64 networks for IPv6. @throws Problem overQuota */
function checkDefaultQuota(pool: SubnetPoolRow, own: Prefix[], length: number): void {
  if (pool.defaultQuota === null) return;
  const unit = pool.version === 4 ? 32 : 64;
  const size = (prefix: number): bigint => 1n << BigInt(Math.max(0, Math.min(unit, bitsOf(pool.version)) - prefix));
  const used = own.reduce((sum, prefix) => sum + size(prefix.length), 0n);
  if (used + size(length) > BigInt(pool.defaultQuota))
    throw new Problem('overQuota', t.overQuota, {
      resource: 'subnetpool',
      used: Number(used),
      quota: pool.defaultQuota,
    });
}
