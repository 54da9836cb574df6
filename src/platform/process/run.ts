// The one way to call an external tool: an argument array, a fixed environment, a time and an output
// limit, and failures as typed errors. There is no shell anywhere.

import { spawn } from 'node:child_process';
import type { Logger } from '#/platform/log/log.ts';

export interface RunOptions {
  /** Written to the tool's standard input, which is then closed. */
  input?: string | Buffer;
  /** Default 30,000. The tool is killed when it is over. */
  timeoutMs?: number;
  /** Default 4 MiB of output; more kills the tool. */
  maxOutputBytes?: number;
  /** Replaces the working directory, `/` by default. */
  cwd?: string;
  /** Added to the fixed environment (PATH, LC_ALL=C). */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Exit statuses that are no failure, besides 0. */
  allow?: number[];
  signal?: AbortSignal;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  status: number;
}

/** Runs a tool. @throws ToolFailure when it cannot start, fails, times out or says too much. */
export type Run = (command: readonly [string, ...string[]], options?: RunOptions) => Promise<RunResult>;

/** A tool that did not do what it was asked. `reason` is its own last words, for the operator. */
export class ToolFailure extends Error {
  override name = 'ToolFailure';
  readonly tool: string;
  readonly args: readonly string[];
  readonly status: number | null;
  readonly reason: string;
  constructor(tool: string, args: readonly string[], status: number | null, reason: string) {
    super(`${tool}: ${reason}`);
    this.tool = tool;
    this.args = args;
    this.status = status;
    this.reason = reason;
  }
}

export const toolPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The machine's runner. Tools see only PATH and LC_ALL=C of the environment. */
export function systemRun(log: Logger): Run {
  return (command, options = {}) =>
    new Promise((resolve, reject) => {
      const [tool, ...args] = command;
      const started = performance.now();
      const limit = options.maxOutputBytes ?? 4 << 20;
      const child = spawn(tool, args, {
        cwd: options.cwd ?? '/',
        env: { PATH: toolPath, LC_ALL: 'C', ...options.env },
        stdio: ['pipe', 'pipe', 'pipe'],
        uid: options.uid,
        gid: options.gid,
        signal: options.signal,
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      let bytes = 0;
      let killed = '';
      const kill = (why: string): void => {
        killed ||= why;
        child.kill('SIGKILL');
      };
      const timer = setTimeout(
        () => kill(`no answer within ${options.timeoutMs ?? 30_000} ms`),
        options.timeoutMs ?? 30_000,
      );
      const collect = (into: Buffer[]) => (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > limit) kill(`more than ${limit} bytes of output`);
        else into.push(chunk);
      };
      child.stdout.on('data', collect(out));
      child.stderr.on('data', collect(err));
      child.stdin.on('error', () => {});
      child.stdin.end(options.input ?? '');
      child.on('error', cause => {
        clearTimeout(timer);
        reject(new ToolFailure(tool, args, null, killed || cause.message));
      });
      child.on('close', status => {
        clearTimeout(timer);
        const stdout = Buffer.concat(out).toString();
        const stderr = Buffer.concat(err).toString();
        log.debug({ tool, args, status, ms: Math.round(performance.now() - started) }, 'ran');
        if (!killed && status !== null && (status === 0 || options.allow?.includes(status)))
          return resolve({ stdout, stderr, status });
        reject(new ToolFailure(tool, args, status, killed || lastWords(stderr || stdout) || `exit status ${status}`));
      });
    });
}

function lastWords(text: string): string {
  return text.trim().split('\n').slice(-3).join(' ').slice(0, 600);
}
