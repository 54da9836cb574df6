// An operation as operators see it.

import { listHosts } from '#/host/hosts.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { array, boolean, integer, nullable, object, oneOf, type Static, string } from '#/platform/http/schema.ts';
import { kindAsBegun } from '#/platform/operations/as-begun.ts';
import { explainOperation, type HostFacts, planKeysOf, stepsOf } from '#/platform/operations/explain.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import type { OperationRow } from '#/platform/operations/operation.store.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';

export const phases = ['forward', 'undo', 'done', 'failed', 'superseded', 'abandoned'] as const;

export const operationView = object({
  id: string(),
  kind: string(),
  resource_id: string(),
  project_id: nullable(string()),
  request_id: nullable(string()),
  phase: oneOf(...phases),
  /** The step that it is at; null once it has ended. */
  step: nullable(string()),
  steps: array(object({ name: string(), type: string(), state: string() })),
  /** The host that it waits for, and the entries of the host's plan. */
  waits_for: nullable(object({ host: string(), up: nullable(boolean()), keys: array(string()) })),
  /** Every entry of a plan that it has to do with. */
  plan_keys: array(object({ host: string(), key: string() })),
  problem: nullable(string()),
  attempts: integer(),
  next_try_seconds: nullable(integer()),
  age_seconds: integer(),
  created_at: string(),
  updated_at: string(),
  /** The whole story in one sentence. */
  explanation: string(),
});

export type OperationView = Static<typeof operationView>;

/** Views of operations, with their sentences in `language`. */
export async function viewOperations(
  tx: Tx,
  rows: OperationRow[],
  kinds: Map<string, OperationKind>,
  language: string,
): Promise<OperationView[]> {
  const hosts = rows.length ? await listHosts(tx) : [];
  return rows.map(row => view(row, kinds, hosts, nowMs(tx), language));
}

function view(
  row: OperationRow,
  kinds: Map<string, OperationKind>,
  hosts: HostFacts[],
  nowMs: number,
  language: string,
): OperationView {
  const kind = kindAsBegun(kinds, row);
  const running = row.phase === 'forward' || row.phase === 'undo';
  return {
    id: row.id,
    kind: row.kind,
    resource_id: row.resourceId,
    project_id: row.projectId,
    request_id: row.requestId,
    phase: row.phase,
    step: running ? (kind?.steps[row.step]?.name ?? null) : null,
    steps: kind ? stepsOf(row, kind) : [],
    waits_for:
      row.waitHost === null || !running
        ? null
        : {
            host: row.waitHost,
            up: hosts.find(host => host.name === row.waitHost)?.up ?? null,
            keys: (row.waitKeys ?? '').split('\n').filter(Boolean),
          },
    plan_keys: kind ? planKeysOf(row, kind) : [],
    problem: row.problem && reviveProblem(row.problem).say(language),
    attempts: row.attempts,
    next_try_seconds: running ? Math.max(0, Math.ceil((row.wakeAt - nowMs) / 1000)) : null,
    age_seconds: Math.max(0, Math.floor((nowMs - Date.parse(`${row.createdAt}Z`)) / 1000)),
    created_at: `${row.createdAt}Z`,
    updated_at: `${row.updatedAt}Z`,
    explanation: explainOperation(row, { kinds, hosts, nowMs, language }),
  };
}
