// What must hold in every cloud at rest, checked over its rows and what its hosts say they hold. Read-only.

import { checkAllocations, checkCapacity, checkQuotaCounts, checkServerGroups } from '#/audit/counts.ts';
import { expectedOnHosts } from '#/audit/expected.ts';
import { checkAddresses, checkImages, checkPorts, checkVolumes } from '#/audit/owners.ts';
import { checkOperations, checkStatuses } from '#/audit/progress.ts';
import { readRows, type Rows } from '#/audit/rows.ts';
import { auditTexts as t } from '#/audit/texts.ts';
import { collect, type Report, type Violation } from '#/audit/violation.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';

export type { Invariant, Violation } from '#/audit/violation.ts';

/** Host → the keys of all that is on it (`server/<id>`, `volume/<id>`, …). */
export type Inventories = Map<string, string[]>;

export interface AuditOptions {
  /** Nothing is expected to be in motion any more: a host that is still at work counts as wrong. */
  atRest?: boolean;
}

/**
 * Every violation of the invariants. Hosts without an inventory (they are down) are judged by their rows only. In a cloud
 * that is in use, what is in motion is left out; look twice and keep what `lasting` keeps to be sure.
 */
export async function auditCloud(tx: Tx, inventories: Inventories, options: AuditOptions = {}): Promise<Violation[]> {
  return violationsIn(await readRows(tx), inventories, nowMs(tx), options);
}

/** Pure: the same rows and inventories give the same violations. */
export function violationsIn(
  rows: Rows,
  inventories: Inventories,
  atMs: number,
  options: AuditOptions = {},
): Violation[] {
  const { found, report } = collect();
  checkHosts(rows, inventories, options, report);
  checkStatuses(rows, report);
  checkOperations(rows, atMs, report);
  checkPorts(rows, report);
  checkAddresses(rows, report);
  checkVolumes(rows, report);
  checkImages(rows, report);
  checkAllocations(rows, report);
  checkCapacity(rows, report);
  checkQuotaCounts(rows, report);
  checkServerGroups(rows, report);
  return found;
}

/** What two audits in a row both found. */
export function lasting(first: Violation[], second: Violation[]): Violation[] {
  const key = (violation: Violation): string => `${violation.invariant} ${violation.resource}`;
  const before = new Set(first.map(key));
  return second.filter(violation => before.has(key(violation)));
}

/** Rows and hosts agree, both ways. */
function checkHosts(rows: Rows, inventories: Inventories, { atRest = false }: AuditOptions, report: Report): void {
  const entries = Map.groupBy(rows.hostEntries, entry => entry.host);
  for (const [host, expected] of expectedOnHosts(rows)) {
    const { up, wantedRevision: wanted, reportedRevision: reported } = rows.hosts.find(row => row.name === host)!;
    const behind = reported < wanted;
    if (behind && atRest && up === 1) report('host objects', `host/${host}`, t.hostBehind, { host, wanted, reported });
    const own = entries.get(host) ?? [];
    const moving = new Set(atRest ? [] : own.filter(entry => entry.state !== 'applied').map(entry => entry.key));
    if (behind && !atRest) continue;
    const inventory = inventories.get(host);
    if (inventory) {
      const there = new Set(inventory);
      for (const key of expected)
        if (!there.has(key) && !moving.has(key))
          report('host objects', `${host}/${key}`, t.missingOnHost, { host, key });
      for (const key of there)
        if (!expected.has(key) && !moving.has(key) && !key.startsWith('security-group/'))
          report('host objects', `${host}/${key}`, t.orphanOnHost, { host, key });
    }
    if (up !== 1) continue;
    if (atRest)
      for (const { key, state } of own)
        if (state !== 'applied') report('host objects', `${host}/${key}`, t.notAsPlanned, { host, key, state });
    for (const { key } of own)
      if (!expected.has(key) && !moving.has(key) && !key.startsWith('security-group/'))
        report('host objects', `${host}/${key}`, t.staleEntry, { host, key });
  }
}
