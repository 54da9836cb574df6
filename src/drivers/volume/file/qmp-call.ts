// One command to a storage daemon over its monitor socket (QMP), on a connection of its own.

import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock } from '#/platform/clock/clock.ts';

/** @throws Error when nobody answers within the time, or the answer is an error */
export function qmpCall(
  clock: Clock,
  path: string,
  execute: string,
  args: object = {},
  timeoutMs = 60_000,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const lines = createInterface({ input: socket });
    const timer = clock.after(timeoutMs, () => end(new Error(`${execute}: no answer within ${timeoutMs} ms`)));
    function end(failure: Error | null, answer?: unknown): void {
      timer.cancel();
      lines.close();
      socket.destroy();
      if (failure) reject(failure);
      else resolve(answer);
    }
    socket.on('error', end);
    socket.on('close', () => end(new Error(`${execute}: the daemon went away`)));
    lines.on('error', end);
    socket.write(
      `${JSON.stringify({ execute: 'qmp_capabilities' })}\n${JSON.stringify({ execute, arguments: args, id: 1 })}\n`,
    );
    lines.on('line', line => {
      const message = parse(line);
      if (message?.id !== 1) return;
      if (message.error) end(new Error(`${execute}: ${message.error.desc ?? 'refused'}`));
      else end(null, message.return);
    });
  });
}

function parse(line: string): { id?: number; return?: unknown; error?: { desc?: string } } | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
