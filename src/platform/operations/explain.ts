// Why an operation is where it is: which step, which host, what error, what happens next. Pure; one sentence.

import { kindAsBegun } from '#/platform/operations/as-begun.ts';
import type { OperationKind, PlanKey } from '#/platform/operations/operation.ts';
import type { OperationRow } from '#/platform/operations/operation.store.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';
import { clauseTexts as t } from '#/platform/operations/texts.ts';

/** What is known of a host that is waited for. */
export interface HostFacts {
  name: string;
  up: boolean;
  /** A timestamp as the database keeps it. */
  lastSeenAt: string;
}

export interface ExplainOptions {
  kinds: ReadonlyMap<string, OperationKind>;
  hosts: Iterable<HostFacts>;
  /** Milliseconds since 1970. */
  nowMs: number;
  language?: string;
}

/** `waiting`: for a host's report. `ahead`: not begun. `undone`: taken back, or never to be done. */
export type StepState = 'done' | 'current' | 'waiting' | 'ahead' | 'undone';

/** One sentence: `Step build (1 of 2) waits for host vm to report server/…: …; tried 3 times; next try in 20 s.` */
export function explainOperation(row: OperationRow, options: ExplainOptions): string {
  const language = options.language ?? 'en';
  const [first = '', ...rest] = clauses(row, options, language);
  // A problem's own sentence may bring its full stop along.
  return `${[first, ...rest].map(clause => clause.replace(/[.\s]+$/, '')).join('; ')}.`;
}

function clauses(row: OperationRow, options: ExplainOptions, language: string): string[] {
  const problem = row.problem && reviveProblem(row.problem).say(language);
  const because = problem ? [t.because.say(language, { problem })] : [];
  switch (row.phase) {
    case 'done':
    case 'superseded':
      return [t[row.phase].say(language)];
    case 'failed':
    case 'abandoned':
      return [t[row.phase].say(language), ...because];
  }
  const kind = kindAsBegun(options.kinds, row);
  if (!kind) return [t.unknownKind.say(language)];
  const waitMs = Math.max(0, row.wakeAt - options.nowMs);
  const seconds = Math.ceil(waitMs / 1000);
  const leased = row.leaseOwner !== null && row.leaseUntil > options.nowMs;
  const tried = row.attempts > 0 ? [t.tried.say(language, { attempts: row.attempts })] : [];
  const nextTry = waitMs > 0 && !leased ? [t.nextTry.say(language, { seconds })] : [];
  if (row.phase === 'undo') {
    const name = kind.steps[row.step]?.name;
    const facts = { step: name };
    if (row.attempts > 0) return [t.undoTroubled.say(language, facts), ...because, ...tried, ...nextTry];
    return [name === undefined ? t.recording.say(language) : t.undoing.say(language, facts), ...because];
  }
  const step = kind.steps[row.step];
  const facts = { step: step?.name, at: row.step + 1, total: kind.steps.length };
  if (!step) return [t.done.say(language)];
  const lastProblem = problem ? [t.problem.say(language, { problem })] : [];
  if (row.waitHost !== null) {
    const keys = (row.waitKeys ?? '').split('\n').filter(Boolean);
    const sentence = step.type === 'removed' ? t.waitsGone : t.waits;
    const away = hostClause(row.waitHost, options.hosts, language);
    const ends =
      step.type === 'applied' && kind.onFailure === 'unwind'
        ? [t.givesUp.say(language, { seconds: secondsUntil(row.stepStartedAt + step.timeoutMs, options.nowMs) })]
        : [];
    const next = row.attempts > 0 ? nextTry : [t.looksAgain.say(language, { seconds })];
    return [
      sentence.say(language, { ...facts, host: row.waitHost, keys }),
      ...lastProblem,
      ...tried,
      ...away,
      ...next,
      ...ends,
    ];
  }
  if (leased) return [t.working.say(language, facts), ...lastProblem, ...tried];
  if (row.attempts > 0) return [t.troubled.say(language, facts), ...lastProblem, ...tried, ...nextTry];
  return [waitMs > 0 ? t.delayed.say(language, { seconds }) : t.next.say(language, facts)];
}

function hostClause(name: string, hosts: Iterable<HostFacts>, language: string): string[] {
  const host = [...hosts].find(one => one.name === name);
  if (!host) return [t.hostUnknown.say(language)];
  return host.up ? [] : [t.hostDown.say(language, { since: `${host.lastSeenAt.slice(0, 19)}Z` })];
}

function secondsUntil(thenMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((thenMs - nowMs) / 1000));
}

/** The steps of a kind, with how far this operation is. */
export function stepsOf(row: OperationRow, kind: OperationKind): { name: string; type: string; state: StepState }[] {
  return kind.steps.map(({ name, type }, at) => ({ name, type, state: stepState(row, at) }));
}

function stepState({ phase, step, waitHost }: OperationRow, at: number): StepState {
  switch (phase) {
    case 'done':
      return 'done';
    case 'failed':
      return 'undone';
    case 'undo':
      return at < step ? 'done' : at === step ? 'current' : 'undone';
    default:
      if (at < step) return 'done';
      if (phase !== 'forward') return 'undone';
      return at > step ? 'ahead' : waitHost === null ? 'current' : 'waiting';
  }
}

/** Every entry of a host's plan that the operation waits for in any of its steps, as far as it knows them by now. */
export function planKeysOf(row: OperationRow, kind: OperationKind): PlanKey[] {
  const state = JSON.parse(row.state) as Record<string, unknown>;
  const found = new Map<string, PlanKey>();
  for (const step of kind.steps) {
    if (step.type !== 'applied' && step.type !== 'removed') continue;
    for (const key of keysOf(step.where, state)) if (key?.key) found.set(`${key.host} ${key.key}`, key);
  }
  return [...found.values()];
}

/** None where a step's place depends on what an earlier one has yet to find out. */
function keysOf(where: (state: Record<string, unknown>) => PlanKey[], state: Record<string, unknown>): PlanKey[] {
  try {
    return where(state) ?? [];
  } catch {
    return [];
  }
}
