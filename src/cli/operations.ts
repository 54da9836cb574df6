// `haneul operations`: what long work is under way, why it waits, and what may be done about it.

import type { OperationView } from '#/operations/operation.view.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type CloudClient, connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';
import { columns } from './up.ts';

export interface OperationsOptions extends DataOption {
  all?: boolean;
  phase?: string;
  kind?: string;
  resource?: string;
  project?: string;
  limit?: string;
  force?: boolean;
  json?: boolean;
}

export async function operations(
  context: Context,
  action: string,
  id: string | undefined,
  options: OperationsOptions,
): Promise<number> {
  const { print, say } = context;
  if (!['list', 'show', 'retry', 'abandon'].includes(action))
    throw new Problem('invalid', o.badAction, { word: action });
  if (action !== 'list' && id === undefined) throw new Problem('invalid', o.needsId, { action });
  const cloud = await connectCloud(context, options);
  if (action === 'list') return list(context, cloud, options);
  const path = `/haneul/operations/${encodeURIComponent(id!)}`;
  if (action === 'show') {
    const { body } = await cloud<{ operation: OperationView }>('GET', path);
    if (options.json) print(JSON.stringify(body.operation, null, 2));
    else describeOperation(context, body.operation);
    return 0;
  }
  const asked = action === 'abandon' ? { body: { force: options.force ?? false }, allow: [409] } : {};
  const { status, body } = await cloud<{
    operation: OperationView;
    outcome?: 'unwinding' | 'ended';
    error?: { message: string };
  }>('POST', `${path}/${action}`, asked);
  if (status === 409)
    throw new Problem('conflict', options.force ? o.refused : o.refusedHint, { message: body.error?.message });
  if (options.json) print(JSON.stringify(body, null, 2));
  else {
    print(say(body.outcome ? o[body.outcome] : o.retried));
    print(body.operation.explanation);
  }
  return 0;
}

async function list(context: Context, cloud: CloudClient, options: OperationsOptions): Promise<number> {
  const { print, say } = context;
  const query = new URLSearchParams();
  const phase = options.phase ?? (options.all ? undefined : 'running');
  const asked = { phase, kind: options.kind, resource_id: options.resource, project_id: options.project };
  for (const [name, value] of Object.entries({ ...asked, limit: options.limit }))
    if (value !== undefined) query.set(name, value);
  const { body } = await cloud<{ operations: OperationView[]; operations_links?: unknown[] }>(
    'GET',
    `/haneul/operations?${query}`,
  );
  if (options.json) {
    print(JSON.stringify(body.operations, null, 2));
    return 0;
  }
  if (!body.operations.length) print(say(phase === 'running' ? o.none : o.noneFound));
  else {
    const head = [o.id, o.kind, o.resource, o.phase, o.age].map(text => say(text));
    const rows = body.operations.map(one => [
      one.id,
      one.kind,
      one.resource_id,
      one.step === null ? one.phase : `${one.phase}: ${one.step}`,
      duration(one.age_seconds),
    ]);
    const widths = head.map((_, at) => Math.max(...[head, ...rows].map(row => columns(row[at]!))));
    const line = (row: string[]): string =>
      row
        .map((cell, at) => pad(cell, widths[at]!))
        .join('  ')
        .trimEnd();
    print(line(head));
    body.operations.forEach((one, at) => {
      print(line(rows[at]!));
      print(`  ${one.explanation}`);
    });
  }
  if (body.operations_links) print(say(o.more));
  return 0;
}

/** All that is known of one operation. */
export function describeOperation({ print, say }: Pick<Context, 'print' | 'say'>, one: OperationView): void {
  const rows: [string, string][] = [
    [say(o.id), one.id],
    [say(o.kind), one.kind],
    [say(o.resource), one.resource_id],
    [say(o.project), one.project_id ?? '-'],
    [say(o.request), one.request_id ?? '-'],
    [say(o.phase), one.phase],
    [say(o.age), `${duration(one.age_seconds)} (${one.created_at})`],
    [say(o.attempts), String(one.attempts)],
  ];
  if (one.waits_for) rows.push([say(o.waitsFor), `${one.waits_for.host}: ${one.waits_for.keys.join(', ')}`]);
  if (one.problem) rows.push([say(o.problem), one.problem]);
  rows.push([say(o.why), one.explanation]);
  const width = Math.max(...rows.map(([name]) => columns(name)));
  for (const [name, value] of rows) print(`${pad(name, width)}  ${value}`);
  const marks: Record<string, string> = { done: '✓', current: '→', waiting: '…', ahead: ' ', undone: '✗' };
  print(say(o.steps));
  for (const { name, type, state } of one.steps) print(`  ${marks[state] ?? ' '} ${name} (${type})`);
}

export function pad(text: string, width: number): string {
  return `${text}${' '.repeat(Math.max(0, width - columns(text)))}`;
}

/** 75 → `1m15s`: the two largest units. */
export function duration(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const from = parts.findIndex(([count]) => count > 0);
  if (from < 0) return '0s';
  return parts
    .slice(from, from + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}
