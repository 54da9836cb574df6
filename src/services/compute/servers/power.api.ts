// What is done to a server's power, lock and state: `POST /servers/{id}/action`.
// API: Compute, "Servers - run an action", "Servers - run an administrative action".

import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { any, as, nullable, object, oneOf, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectMember } from '#/services/compute/allow.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import { beginPower, beginReboot } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { changeServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';

const route = 'POST /v2.1/servers/{server_id}/action';
/** Actions without arguments are sent as null, or as anything. */
const empty = () => as<unknown>(any());

function simple(
  action: string,
  rule: string,
  handle: (tx: Tx, server: Server, caller: Caller) => Promise<void>,
): Endpoint {
  return endpoint({
    policy: rule,
    allow: projectMember,
    route,
    action,
    find: serverFinder,
    body: object({ [action]: empty() }),
    replies: { 202: null },
    async handle({ tx, found, caller }) {
      await handle(tx, found, caller);
      return { 202: undefined };
    },
  });
}

const start = simple('os-start', 'os_compute_api:servers:start', async (tx, server, caller) => {
  mustAllow('start', server, caller);
  await beginPower(tx, server, caller, { action: 'start', task: 'powering-on', power: 'running', starts: true });
});

const stop = simple('os-stop', 'os_compute_api:servers:stop', async (tx, server, caller) => {
  mustAllow('stop', server, caller);
  await beginPower(tx, server, caller, { action: 'stop', task: 'powering-off', power: 'stopped' });
});

const pause = simple('pause', 'os_compute_api:os-pause-server:pause', async (tx, server, caller) => {
  mustAllow('pause', server, caller);
  await beginPower(tx, server, caller, { action: 'pause', task: 'pausing', power: 'paused' });
});

const unpause = simple('unpause', 'os_compute_api:os-pause-server:unpause', async (tx, server, caller) => {
  mustAllow('unpause', server, caller);
  await beginPower(tx, server, caller, { action: 'unpause', task: 'unpausing', power: 'running' });
});

const reboot = endpoint({
  policy: 'os_compute_api:servers:reboot',
  allow: projectMember,
  route,
  action: 'reboot',
  find: serverFinder,
  body: object({ reboot: object({ type: oneOf('HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft') }) }),
  replies: { 202: null },
  async handle({ tx, found, caller, body }) {
    const kind = body.reboot.type.toLowerCase() as 'soft' | 'hard';
    mustAllow(kind === 'hard' ? 'reboot_hard' : 'reboot', found, caller);
    await beginReboot(tx, found, caller, kind);
    return { 202: undefined };
  },
});

const lock = endpoint({
  policy: 'os_compute_api:os-lock-server:lock',
  allow: projectMember,
  route,
  action: 'lock',
  find: serverFinder,
  body: {
    '2.1': object({ lock: empty() }),
    '2.73': object({ lock: nullable(object({ locked_reason: optional(string({ min: 1, max: 255 })) })) }),
  },
  replies: { 202: null },
  async handle({ tx, found, caller, body }) {
    const { locked_reason: lockedReason = null } = ((body as { lock: unknown }).lock ?? {}) as {
      locked_reason?: string;
    };
    const lockedBy = caller.projectId === found.projectId && !caller.isAdmin ? 'owner' : 'admin';
    await beginAction(tx, found, 'lock', caller);
    await changeServer(tx, found.id, {
      lockedBy,
      lockedReason: typeof lockedReason === 'string' ? lockedReason : null,
    });
    await endAction(tx, found.id);
    return { 202: undefined };
  },
});

const overrideRule = 'os_compute_api:os-lock-server:unlock:unlock_override';

const unlock = endpoint({
  policy: 'os_compute_api:os-lock-server:unlock',
  allow: projectMember,
  route,
  action: 'unlock',
  find: serverFinder,
  body: object({ unlock: empty() }),
  replies: { 202: null },
  async handle({ tx, found, caller, policy }) {
    const target = { project_id: found.projectId, user_id: found.userId };
    // What an administrator has locked, its owner cannot unlock.
    if (found.lockedBy === 'admin' && !policy.allows(overrideRule, caller.credentials, target))
      throw new Problem('forbidden', t.needsRule, { rule: overrideRule });
    await beginAction(tx, found, 'unlock', caller);
    await changeServer(tx, found.id, { lockedBy: null, lockedReason: null });
    await endAction(tx, found.id);
    return { 202: undefined };
  },
});

const resetState = endpoint({
  policy: 'os_compute_api:os-admin-actions:reset_state',
  allow: admin,
  route,
  action: 'os-resetState',
  find: serverFinder,
  body: object({ 'os-resetState': object({ state: oneOf('active', 'error') }) }),
  replies: { 202: null },
  async handle({ tx, found, caller, body }) {
    await beginAction(tx, found, 'reset_state', caller);
    await changeServer(tx, found.id, {
      vmState: body['os-resetState'].state,
      taskState: found.taskState === 'deleting' ? 'deleting' : null,
    });
    await endAction(tx, found.id);
    return { 202: undefined };
  },
});

export const powerEndpoints = [start, stop, pause, unpause, reboot, lock, unlock, resetState];
export const powerRules = { [overrideRule]: admin };
