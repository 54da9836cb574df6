// `haneul down`: stops supervisor, agent and control plane. Guests, and what serves them, go on.

import { rmSync } from 'node:fs';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Context, DataOption } from './context.ts';
import { stopBusServer } from './bus-server.ts';
import { stopProcess } from './process-facts.ts';
import { findRunning } from './running.ts';
import { patienceMs, pidFileOf, stopRoles } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';

export async function down(context: Context, options: DataOption): Promise<number> {
  const paths = context.paths(options);
  const stopped = await stopCloud(context, paths, 'down');
  context.print(stopped ? context.say(t.stopped) : context.say(t.notRunning, { directory: paths.root }));
  return 0;
}

/** @returns whether anything ran */
export async function stopCloud(context: Context, paths: DataPaths, command: string): Promise<boolean> {
  const { supervisor } = findRunning(paths);
  try {
    // It stops its roles itself, one after the other.
    if (supervisor) await stopProcess(supervisor, 2 * patienceMs + 5000);
    const left = await stopRoles(paths);
    await stopBusServer(paths);
    if (supervisor) rmSync(pidFileOf(paths, 'supervisor'), { force: true });
    return supervisor !== null || left.length > 0;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EPERM' || (cause as NodeJS.ErrnoException).code === 'EACCES')
      throw new Problem(
        'forbidden',
        context.root ? t.notWritable : t.needsRootFor,
        { command, directory: paths.root },
        { cause },
      );
    throw cause;
  }
}
