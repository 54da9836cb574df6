// Passwords hashed beside the process that asks. A lone login is hashed by a thread of our own; when there are more, a
// process with a thread for every core hashes them, at a lower priority: whoever calls meanwhile finds the cores free at once.
// It also keeps the 19 MiB of each hash for the next, which is a quarter of the work, and is gone soon after the last.

import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { toolPath } from '#/platform/process/run.ts';
import { createPasswords, type Passwords } from './passwords.ts';

/** What it is asked, by a number that its answer carries. */
export type ToHashProcess = { id: number } & Job;
export interface FromHashProcess {
  id: number;
  answer?: Answer;
  /** What was thrown. */
  failed?: string;
}

type Job = { hash: string | null; verify: string } | { create: string };
type Answer = Awaited<ReturnType<Passwords['hash' | 'verify']>>;

/** Its nice value: a tenth of the weight of whoever is at 0, so that it waits for none of them and starves beside none. */
export const priority = 10;

/** How long it waits for another login: it keeps 80 MB, and starts in a tenth of a second. */
const idleMs = 10_000;

const program = fileURLToPath(new URL('./hash-process.ts', import.meta.url));

interface Apart {
  child: ChildProcess;
  asked: Map<number, { job: Job; resolve(answer: Answer): void; reject(error: Error): void }>;
}

/** Passwords at the cost that people's have. */
export function createPasswordsApart({ random, clock, log }: { random: Random; clock: Clock; log: Logger }): Passwords {
  const own = createPasswords({ random, parallel: 1 });
  let running = 0;
  let apart: Apart | null = null;
  let next = 0;
  let idle = clock.after(0, () => {});

  async function here(job: Job): Promise<Answer> {
    running++;
    try {
      return await work(own, job);
    } finally {
      running--;
    }
  }

  function there(job: Job): Promise<Answer> {
    idle.cancel();
    const { child, asked } = (apart ??= start());
    hold(child);
    const id = next++;
    return new Promise((resolve, reject) => {
      asked.set(id, { job, resolve, reject });
      child.send({ id, ...job } satisfies ToHashProcess, () => {});
    });
  }

  function start(): Apart {
    const child = fork(program, [], {
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--v8-pool-size=1'],
      env: {
        PATH: toolPath,
        // No more: each thread keeps its memory, and together they shall fit into the processor's caches.
        UV_THREADPOOL_SIZE: String(availableParallelism()),
        ...(process.env.NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE } : {}),
      },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      cwd: '/',
    });
    const mine: Apart = { child, asked: new Map() };
    child.on('message', ({ id, answer, failed }: FromHashProcess) => {
      const waiting = mine.asked.get(id);
      mine.asked.delete(id);
      if (mine.asked.size === 0) {
        letGo(child);
        idle = clock.after(idleMs, () => leave(mine));
      }
      if (answer === undefined) waiting?.reject(new Error(failed));
      else waiting?.resolve(answer);
    });
    const gone = (why: unknown): void => {
      leave(mine);
      if (mine.asked.size > 0) log.warn({ why: String(why), logins: mine.asked.size }, 'the hash process ended');
      for (const { job, resolve, reject } of mine.asked.values()) here(job).then(resolve, reject);
      mine.asked.clear();
    };
    child.on('error', gone);
    child.on('exit', (status, signal) => gone(signal ?? `status ${status}`));
    return mine;
  }

  /** It ends when nobody can ask it any more. */
  function leave(left: Apart): void {
    if (apart === left) apart = null;
    if (left.child.connected) left.child.disconnect();
  }

  const run = (job: Job): Promise<Answer> => (!apart && running === 0 && !blocks(job) ? here(job) : there(job));
  return {
    hash: create => run({ create }) as ReturnType<Passwords['hash']>,
    verify: (hash, verify) => run({ hash, verify }) as ReturnType<Passwords['verify']>,
  };
}

/** This process stays for its answers, */
function hold(child: ChildProcess): void {
  child.ref();
  child.channel?.ref();
}

/** and for nothing else. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

/** Does what was asked, with these passwords. */
export function work(passwords: Passwords, job: Job): Promise<Answer> {
  return 'create' in job ? passwords.hash(job.create) : passwords.verify(job.hash, job.verify);
}

/** bcrypt is written in JavaScript: it would hold up the thread that answers everybody. */
function blocks(job: Job): boolean {
  return 'verify' in job && job.hash !== null && /^\$(2|bcrypt)/.test(job.hash);
}
