// What runs on a data directory right now, as far as files, /proc and the API tell.

import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
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
  const ready = readJsonFile(paths.ready) as {
    url?: unknown;
    pid?: unknown;
    certificate?: unknown;
  } | null;
  if (typeof ready?.certificate === 'string') trust(ready.certificate);
  const url =
    typeof ready?.url === 'string' && /^https?:\/\/[\w.:[\]-]+(\/[\w./-]*)?$/.test(ready.url) ? ready.url : null;
  return {
    supervisor: readPidFile(pidFileOf(paths, 'supervisor')),
    roles: { control, agent: readPidFile(pidFileOf(paths, 'agent')) },
    // Of a process before this one: not true any more.
    url: control !== null && ready?.pid === control.pid ? url : null,
  };
}

const trusted = new Set<string>();

/** The cloud's own certificate is believed from here on, whoever signed it. */
function trust(file: string): void {
  if (trusted.has(file)) return;
  trusted.add(file);
  try {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(file, 'utf8')]);
  } catch {
    // Not readable by this user, or no certificate any more: then it must be one that all believe.
  }
}

/** What GET /haneul/status says; every part may be missing. */
export interface CloudStatus {
  version?: string;
  hosts?: { name: string; state: string; accelerator?: string; kvmProblem?: string }[];
  counts?: Record<string, number>;
  [more: string]: unknown;
}

export type Health = { state: 'answers'; status: CloudStatus } | { state: 'silent'; reason: string };

/** The administrator's, as the control plane wrote them. */
interface Credentials {
  username: string;
  password: string;
  project: string;
}

/** Asks the API how it is, within `timeoutMs`: whether it answers, and with credentials what it holds. */
export async function askHealth(
  url: string,
  credentials: Credentials | null = null,
  timeoutMs = 5000,
): Promise<Health> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const health = await fetch(`${url}/haneul/health`, { signal, redirect: 'error' });
    if (health.status >= 500) return { state: 'silent', reason: `HTTP ${health.status}` };
    const token = credentials && (await login(url, credentials, signal));
    if (!token) return { state: 'answers', status: {} };
    const reply = await fetch(`${url}/haneul/status`, {
      signal,
      redirect: 'error',
      headers: { 'x-auth-token': token },
    });
    return { state: 'answers', status: reply.ok ? ((await reply.json()) as CloudStatus) : {} };
  } catch (thrown) {
    const cause = (thrown as Error).cause as NodeJS.ErrnoException | undefined;
    return { state: 'silent', reason: cause?.code ?? (thrown as Error).message };
  }
}

/** Waits until a host has greeted the control plane: before that nothing can be placed. @returns false when none does in time */
export async function untilHostIsUp(url: string, credentials: Credentials, timeoutMs = 30_000): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  let token: string | null = null;
  while (!signal.aborted) {
    try {
      token ??= await login(url, credentials, signal);
      if (!token) return false;
      const headers = { 'x-auth-token': token };
      const reply = await fetch(`${url}/haneul/status`, { signal, redirect: 'error', headers });
      const { hosts } = (await reply.json()) as CloudStatus;
      if (hosts?.some(host => host.state === 'up')) return true;
    } catch (thrown) {
      if (!(thrown instanceof TypeError)) return false;
      // Not in reach at this moment.
    }
    await pause(100);
  }
  return false;
}

/** A token, or null when the password is no longer this one. */
export async function login(
  url: string,
  { username, password, project }: Credentials,
  signal: AbortSignal,
): Promise<string | null> {
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: username, password, domain } } };
  const body = JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } });
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers,
    body,
    signal,
    redirect: 'error',
  });
  return reply.headers.get('x-subject-token');
}
