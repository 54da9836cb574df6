// `haneul logs`: the last lines of every log, and with -f those that come.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '#/platform/problem/problem.ts';
import type { Context, DataOption } from './context.ts';
import { logOf } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';

interface Followed {
  path: string;
  /** Bytes already printed, and the half line behind them. */
  at: number;
  decoder: StringDecoder;
  half: string;
}

const chunkBytes = 1 << 20;

export async function logs(
  context: Context,
  options: DataOption & { follow?: boolean; lines?: string },
): Promise<number> {
  const paths = context.paths(options);
  const value = options.lines ?? '100';
  if (!/^\d{1,6}$/.test(value))
    throw new Problem('invalid', t.badNumber, { option: '--lines', value, minimum: 0, maximum: 999_999 });
  const found = (['supervisor', 'control', 'agent'] as const).map(role => logOf(paths, role));
  const files: Followed[] = [];
  try {
    for (const path of found) {
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size === undefined && !options.follow) continue;
      const file: Followed = {
        path,
        at: Math.max(0, (size ?? 0) - chunkBytes),
        decoder: new StringDecoder(),
        half: '',
      };
      const lines = size ? readLines(file) : [];
      for (const line of lines.slice(Math.max(0, lines.length - Number(value)))) context.print(line);
      files.push(file);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EACCES')
      throw new Problem('forbidden', t.needsRootFor, { command: 'logs' }, { cause });
    throw cause;
  }
  if (files.length === 0)
    throw new Problem('notFound', t.noLogs, { directory: paths.log, hint: context.say(t.startWith) });
  // Until Ctrl-C.
  while (options.follow) {
    for (const file of files) for (const line of readLines(file)) context.print(line);
    await pause(250);
  }
  return 0;
}

/** Whole lines that came since the last time; begins anew where the file was emptied. */
function readLines(file: Followed): string[] {
  let handle: number;
  try {
    handle = openSync(file.path, 'r');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw err;
  }
  try {
    const { size } = fstatSync(handle);
    if (size < file.at) Object.assign(file, { at: 0, half: '', decoder: new StringDecoder() });
    const bytes = Buffer.alloc(Math.min(size - file.at, chunkBytes));
    const count = readSync(handle, bytes, 0, bytes.length, file.at);
    file.at += count;
    const lines = (file.half + file.decoder.write(bytes.subarray(0, count))).split('\n');
    file.half = lines.pop()!;
    return lines;
  } finally {
    closeSync(handle);
  }
}
