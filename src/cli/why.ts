// `haneul why REQUEST_ID`: what became of one request, from logs, operations and events, in the order in which it happened.

import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { OperationView } from '#/operations/operation.view.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { describeOperation, pad } from './operations.ts';
import { operatorTexts as o } from './operator-texts.ts';
import { logLimits } from './rotating-log.ts';
import { logOf } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';

interface Story {
  operations: OperationView[];
  events: { at: string; type: string; resource_id: string; payload: unknown }[];
}

interface Moment {
  /** ISO 8601 UTC. */
  at: string;
  source: 'control' | 'agent' | 'event' | 'operation';
  text: string;
}

type LogLine = Record<string, unknown> & { time: string; msg?: string; requestId?: string; key?: string };

export async function why(
  context: Context,
  requestId: string,
  options: DataOption & { json?: boolean },
): Promise<number> {
  const { print, say } = context;
  const cloud = await connectCloud(context, options);
  const { body: story } = await cloud<Story>('GET', `/haneul/requests/${encodeURIComponent(requestId)}`);
  const paths = context.paths(options);
  const wanted = (line: LogLine): boolean => line.requestId === requestId || isOf(line, story.operations);
  const moments: Moment[] = [
    ...(await linesOf(paths, 'control', wanted)),
    ...(await linesOf(paths, 'agent', wanted)),
    ...story.events.map(({ at, type, resource_id, payload }): Moment => {
      return { at, source: 'event', text: `${type} ${resource_id} ${JSON.stringify(payload)}` };
    }),
    ...story.operations.map(({ created_at, kind, resource_id, id }): Moment => {
      return { at: created_at, source: 'operation', text: say(o.began, { kind, resource: resource_id, id }) };
    }),
    ...story.operations.map(({ updated_at, kind, explanation }): Moment => {
      return { at: updated_at, source: 'operation', text: `${kind}: ${explanation}` };
    }),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (!moments.length) throw new Problem('notFound', o.noStory, { id: requestId });
  if (options.json) {
    print(JSON.stringify({ request_id: requestId, moments, ...story }, null, 2));
    return 0;
  }
  for (const { at, source, text } of moments) print(`${at.slice(0, 23)}  ${pad(source, 9)}  ${text}`);
  for (const operation of story.operations) {
    print('');
    describeOperation(context, operation);
  }
  return 0;
}

/** A host made or took away something that one of the operations waited for, while it did. */
function isOf({ key, time }: LogLine, operations: OperationView[]): boolean {
  if (key === undefined) return false;
  const at = Date.parse(time);
  return operations.some(
    one =>
      one.plan_keys.some(known => known.key === key) &&
      at >= Date.parse(one.created_at) &&
      (one.step !== null || at <= Date.parse(one.updated_at)),
  );
}

/** The lines of a role's logs, the older files first. @throws Problem forbidden when they may not be read */
async function linesOf(
  paths: DataPaths,
  role: 'control' | 'agent',
  wanted: (line: LogLine) => boolean,
): Promise<Moment[]> {
  const newest = logOf(paths, role);
  const older = Array.from({ length: logLimits.kept }, (_, at) => `${newest}.${logLimits.kept - at}`);
  const found: Moment[] = [];
  try {
    for (const file of [...older, newest].filter(path => existsSync(path)))
      for await (const text of createInterface({ input: createReadStream(file) })) {
        const line = parseLine(text);
        if (line && wanted(line)) found.push({ at: line.time, source: role, text: sayLine(line) });
      }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EACCES')
      throw new Problem('forbidden', t.needsRootFor, { command: 'why' }, { cause });
    throw cause;
  }
  return found;
}

function parseLine(text: string): LogLine | null {
  if (!text.includes('"requestId"') && !text.includes('"key"')) return null;
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.time === 'string' ? line : null;
  } catch {
    // Half a line, where a process was killed as it wrote.
    return null;
  }
}

const known = new Set(['level', 'time', 'role', 'msg', 'requestId', 'error', 'err']);

/** `request method=POST path=/volume/v3/volumes status=202`: the message, then its facts. */
function sayLine(line: LogLine): string {
  const facts = Object.entries(line)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const thrown = (line['error'] ?? line['err']) as { message?: string } | undefined;
  return [line.msg ?? '', ...facts, ...(thrown?.message ? [`error=${thrown.message}`] : [])].join(' ');
}
