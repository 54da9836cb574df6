// `haneul hosts drain`: nothing new comes to a host, and what is there moves away: running guests live, stopped ones cold.
// It only asks the compute API, so it may be broken off at any moment and run again.

import { setTimeout as pause } from 'node:timers/promises';
import type { CloudClient } from './cloud-client.ts';
import type { Context } from './context.ts';
import { machineTexts as t } from './machine-texts.ts';

interface ServerView {
  id: string;
  name: string;
  status: string;
  'OS-EXT-STS:task_state': string | null;
}

/** A host's network and disks have room for so many guests on their way at once. */
const atOnce = 2;
const lookMs = 1_000;
/** How often a guest is asked to move before it counts as one that cannot. */
const triesLimit = 2;
const perPage = 1_000;
const confirmLooks = 600;

/** @returns the exit status: 1 when something could not be moved */
export async function drain(
  context: Context,
  cloud: CloudClient,
  name: string,
  reason: string | undefined,
): Promise<number> {
  const { print, say } = context;
  await cloud('POST', `/haneul/hosts/${encodeURIComponent(name)}/disable`, { body: { reason: reason ?? 'drain' } });
  print(say(t.nowDisabled, { name }));
  const tries = new Map<string, number>();
  const stuck = new Map<string, string>();
  const moving = new Map<string, string>();
  const cold = new Set<string>();
  for (;;) {
    const servers = await serversOn(cloud, name);
    const there = new Set(servers.map(({ id }) => id));
    for (const [id, of] of moving)
      if (!there.has(id)) {
        moving.delete(id);
        stuck.delete(id);
        print(say(t.moved, { server: of, left: there.size }));
      }
    for (const server of servers) if (!isBusy(server)) moving.delete(server.id);
    const waiting = servers.filter(server => !isBusy(server) && !stuck.has(server.id));
    for (const server of waiting.slice(0, Math.max(0, atOnce - moving.size))) {
      const count = (tries.get(server.id) ?? 0) + 1;
      tries.set(server.id, count);
      const refusal =
        count > triesLimit ? say(t.cameBack, await lastProblem(cloud, server)) : await move(cloud, server);
      if (refusal === null) {
        moving.set(server.id, server.name);
        if (server.status === 'SHUTOFF') cold.add(server.id);
      } else {
        stuck.set(server.id, refusal);
        print(say(t.notMoved, { server: server.name, id: server.id, message: refusal }));
      }
    }
    if (servers.every(({ id }) => stuck.has(id))) break;
    await pause(lookMs);
  }
  for (const id of cold) await confirm(cloud, id);
  print(stuck.size === 0 ? say(t.drained, { name }) : say(t.drainedPartly, { name, count: stuck.size }));
  return stuck.size === 0 ? 0 : 1;
}

function isBusy({ status, 'OS-EXT-STS:task_state': task }: ServerView): boolean {
  return task !== null || ['BUILD', 'MIGRATING', 'RESIZE', 'VERIFY_RESIZE'].includes(status);
}

async function serversOn(cloud: CloudClient, host: string): Promise<ServerView[]> {
  const query = new URLSearchParams({ all_tenants: '1', host, limit: String(perPage) });
  const { body } = await cloud<{ servers: ServerView[] }>('GET', `/compute/v2.1/servers/detail?${query}`);
  return body.servers;
}

/** @returns why it was refused, or null when it is on its way */
async function move(cloud: CloudClient, { id, status }: ServerView): Promise<string | null> {
  const stopped = status === 'SHUTOFF';
  const ask = stopped
    ? { migrate: null }
    : { 'os-migrateLive': { host: null, block_migration: true, disk_over_commit: false } };
  const { status: answer, body } = await cloud<Record<string, { message?: string }>>(
    'POST',
    `/compute/v2.1/servers/${id}/action`,
    { body: ask, allow: [400, 403, 404, 409, 500, 501, 503] },
  );
  // One that is gone meanwhile has moved, too.
  if (answer < 400 || answer === 404) return null;
  return Object.values(body)[0]?.message ?? `HTTP ${answer}`;
}

async function lastProblem(cloud: CloudClient, { id }: ServerView): Promise<{ id: string; problem: string }> {
  const { body } = await cloud<{ operations: { problem: string | null; created_at: string }[] }>(
    'GET',
    `/haneul/operations?resource_id=${id}`,
  );
  const failed = body.operations.filter(({ problem }) => problem !== null);
  const last = failed.sort((a, b) => (a.created_at < b.created_at ? 1 : -1))[0];
  return { id, problem: last?.problem ?? '-' };
}

/** A cold move waits for somebody to say that it is well; of these nobody else knows. */
async function confirm(cloud: CloudClient, id: string): Promise<void> {
  for (let looks = 0; looks < confirmLooks; looks++) {
    const { status, body } = await cloud<{ server?: ServerView }>('GET', `/compute/v2.1/servers/${id}`, {
      allow: [404],
    });
    if (status === 404 || !body.server) return;
    if (body.server.status === 'VERIFY_RESIZE')
      return void (await cloud('POST', `/compute/v2.1/servers/${id}/action`, {
        body: { confirmResize: null },
        allow: [404, 409],
      }));
    if (!isBusy(body.server)) return;
    await pause(lookMs);
  }
}
