// Clouds to measure: started by the same command that users type, each in a directory of its own, gone afterwards.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

export const root = join(import.meta.dirname, '..');

export interface BenchCloud extends AsyncDisposable {
  data: string;
  url: string;
  /** `OS_AUTH_URL` and the others. */
  credentials: Record<string, string>;
  /** From starting the command until it ended with the cloud ready. */
  upMs: number;
  /** Role → process id. */
  processes(): Record<string, number>;
  /** @param simulate another number of simulated hosts than before */
  up(simulate?: number): Promise<number>;
  down(): Promise<void>;
}

export interface CloudOptions {
  /** Simulated hosts; 0: a real cloud on this machine, which needs root. */
  simulate: number;
  env?: Record<string, string>;
}

/** Brings a fresh cloud up. */
export async function freshCloud({ simulate, env = {} }: CloudOptions): Promise<BenchCloud> {
  const own = mkdtempSync(join(tmpdir(), 'haneul-bench-'));
  // The control plane's user passes through.
  chmodSync(own, 0o755);
  const data = join(own, 'data');
  let simulated = simulate;
  const up = async (count = simulated): Promise<number> => {
    simulated = count;
    const started = performance.now();
    const port = cloud.url ? new URL(cloud.url).port : '0';
    const hosts = simulated > 0 ? ['--simulate', String(simulated)] : [];
    await haneul(['up', '--yes', '--detach', '--data', data, '--listen', `127.0.0.1:${port}`, ...hosts], env);
    return performance.now() - started;
  };
  const cloud: BenchCloud = {
    data,
    url: '',
    credentials: {},
    upMs: 0,
    up,
    processes: () =>
      Object.fromEntries(
        ['supervisor', 'control', 'agent'].flatMap(role => {
          const pid = pidIn(join(data, 'supervisor', `${role}.pid`));
          return pid === null ? [] : [[role, pid]];
        }),
      ),
    down: () => haneul(['down', '--data', data], env),
    async [Symbol.asyncDispose]() {
      await haneul(['destroy', '--yes', '--data', data], env);
      rmSync(own, { recursive: true, force: true });
    },
  };
  try {
    cloud.upMs = await up();
  } catch (error) {
    await cloud[Symbol.asyncDispose]();
    throw error;
  }
  cloud.credentials = readOpenrc(join(data, 'openrc'));
  cloud.url = new URL(cloud.credentials['OS_AUTH_URL']!).origin;
  return cloud;
}

/** `export NAME='value'` lines. */
export function readOpenrc(file: string): Record<string, string> {
  return parseEnv(readFileSync(file, 'utf8')) as Record<string, string>;
}

function pidIn(file: string): number | null {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  } catch {
    return null;
  }
}

/** Runs our own command line. @throws Error with what it said when it fails */
export async function haneul(args: string[], env: Record<string, string> = {}): Promise<void> {
  await command(join(root, 'haneul'), args, { env });
}

const children = new Set<ChildProcess>();

/** Ends the program that is running, so that its measurement fails and takes down what it brought up. */
export function interrupt(): void {
  for (const child of children) child.kill();
}

/** Runs a program. @returns its standard output @throws Error with what it said when it fails or takes too long */
export function command(
  program: string,
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 600_000,
    });
    children.add(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      children.delete(child);
      if (status === 0) return resolve(Buffer.concat(out).toString());
      const said = Buffer.concat([...out, ...err])
        .toString()
        .trimEnd()
        .slice(-2_000);
      reject(new Error(`${program} ${args.join(' ')}: ${signal ?? `status ${status}`}\n${said}`));
    });
  });
}
