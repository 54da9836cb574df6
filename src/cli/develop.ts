// `haneul test` and `haneul dev`: for those who work on the program.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Context, DataOption } from './context.ts';
import { ensureDataDirectory } from './data-directory.ts';
import { programDirectory } from './readable-program.ts';

/** Runs suites, or all that this machine can run. @param words names of suites, or one with its arguments @returns the runner's exit status */
export async function test(words: string[]): Promise<number> {
  return node([join(programDirectory, 'test/run.ts'), ...words]);
}

/** A simulated cloud in the foreground, started again whenever a file of the source changes. */
export async function dev(context: Context, options: DataOption): Promise<number> {
  const paths = context.paths({ data: options.data ?? join(programDirectory, '.cache/dev') });
  ensureDataDirectory(paths, null, context.language);
  const { HANEUL_SIMULATE_HOSTS: hosts = '3', HANEUL_LOG_LEVEL: level = 'debug' } = context.env;
  const arguments_ = [
    '--watch',
    '--watch-preserve-output',
    join(programDirectory, 'src/main.ts'),
    'role',
    'control',
    '--data',
    paths.root,
  ];
  return node(arguments_, { HANEUL_SIMULATE_HOSTS: hosts, HANEUL_LOG_LEVEL: level });
}

function node(args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: 'inherit',
    cwd: programDirectory,
    env: { ...process.env, ...env },
  });
  // Ctrl-C reaches the child by itself; this process waits for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve(signal ? 1 : (status ?? 1)));
  });
}
