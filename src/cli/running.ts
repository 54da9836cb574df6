// What runs on a data directory right now, as far as files, /proc and the API tell.

import type { DataPaths } from '#/platform/config/data-directory.ts';
import { type ProcessName, readJsonFile, readPidFile } from './process-facts.ts';
import { pidFileOf, type Role } from './supervisor.ts';

export interface Running {
  supervisor: ProcessName | null;
  roles: Record<Role, ProcessName | null>;
  /** Where the control plane answers, once it does. */
  url: string | null;
}

export function findRunning(paths: DataPaths): Running {
  const control = readPidFile(pidFileOf(paths, 'control'));
  const ready = readJsonFile(paths.ready) as { url?: unknown; pid?: unknown } | null;
  const url =
    typeof ready?.url === 'string' && /^https?:\/\/[\w.:[\]-]+(\/[\w./-]*)?$/.test(ready.url) ? ready.url : null;
  return {
    supervisor: readPidFile(pidFileOf(paths, 'supervisor')),
    roles: { control, agent: readPidFile(pidFileOf(paths, 'agent')) },
    // Of a process before this one: not true any more.
    url: control !== null && ready?.pid === control.pid ? url : null,
  };
}

/** What GET /haneul/status says; every part may be missing. */
export interface CloudStatus {
  version?: string;
  hosts?: { name: string; state: string; accelerator?: string; kvmProblem?: string }[];
  counts?: Record<string, number>;
  [more: string]: unknown;
}

export type Health = { state: 'answers'; status: CloudStatus } | { state: 'silent'; reason: string };

/** Asks the API how it is, within `timeoutMs`. */
export async function askHealth(url: string, timeoutMs = 5000): Promise<Health> {
  try {
    const reply = await fetch(`${url}/haneul/status`, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    // Whoever refuses the question is there, too.
    if (reply.status >= 500) return { state: 'silent', reason: `HTTP ${reply.status}` };
    const body: unknown = reply.ok ? await reply.json() : null;
    return { state: 'answers', status: typeof body === 'object' && body !== null ? (body as CloudStatus) : {} };
  } catch (thrown) {
    const cause = (thrown as Error).cause as NodeJS.ErrnoException | undefined;
    return { state: 'silent', reason: cause?.code ?? (thrown as Error).message };
  }
}
