// The URL of a guest's screen or serial line. API: Compute, "Server consoles".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type RequestFacts } from '#/platform/http/endpoint.ts';
import { object, oneOf, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember } from '#/services/compute/allow.ts';
import { type ConsoleKind, newConsoleToken } from '#/services/compute/consoles/console.store.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { serverFinder } from '#/services/compute/servers/server.finder.ts';
import type { Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';

/** Console types by what carries them. */
const kinds: Record<string, ConsoleKind> = { 'vnc/novnc': 'vnc', 'serial/serial': 'serial' };

/** @throws Problem invalid for types that are not offered, conflict while the guest does not run */
async function consoleUrl(
  tx: Tx,
  server: Server,
  request: RequestFacts,
  protocol: string,
  type: string,
): Promise<string> {
  const kind = kinds[`${protocol}/${type}`];
  if (!kind) throw new Problem('invalid', t.consoleType, { type, protocol });
  hostOf(server);
  if (server.vmState !== 'active' && server.vmState !== 'paused')
    throw new Problem('conflict', t.wrongState, {
      action: 'get_console',
      id: server.id,
      what: 'vm_state',
      state: server.vmState,
    });
  const token = await newConsoleToken(tx, server.id, kind);
  const origin = new URL(request.base).origin;
  const socket = `console/websockify?token=${token}`;
  if (kind === 'serial') return `${origin.replace(/^http/, 'ws')}/${socket}`;
  return `${origin}/console/vnc.html?path=${encodeURIComponent(socket)}&autoconnect=true&resize=scale`;
}

const remote = endpoint({
  policy: 'os_compute_api:os-remote-consoles',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/remote-consoles',
  versions: '2.6-',
  find: serverFinder,
  body: object({
    remote_console: object({
      protocol: oneOf('vnc', 'spice', 'rdp', 'serial', 'mks'),
      type: oneOf('novnc', 'xvpvnc', 'spice-html5', 'rdp-html5', 'serial', 'webmks'),
    }),
  }),
  replies: { 200: object({ remote_console: object({ protocol: string(), type: string(), url: string() }) }) },
  async handle({ tx, found, body, request }) {
    const { protocol, type } = body.remote_console;
    return { 200: { remote_console: { protocol, type, url: await consoleUrl(tx, found, request, protocol, type) } } };
  },
});

function older(action: string, protocol: string, types: string[]) {
  return endpoint({
    policy: 'os_compute_api:os-remote-consoles',
    route: 'POST /v2.1/servers/{server_id}/action',
    action,
    versions: '2.1-2.5',
    find: serverFinder,
    body: object({ [action]: object({ type: oneOf(...types) }) }),
    replies: { 200: object({ console: object({ type: string(), url: string() }) }) },
    async handle({ tx, found, body, request }) {
      const { type } = (body as Record<string, { type: string }>)[action]!;
      return { 200: { console: { type, url: await consoleUrl(tx, found, request, protocol, type) } } };
    },
  });
}

export const consoleEndpoints = [
  remote,
  older('os-getVNCConsole', 'vnc', ['novnc', 'xvpvnc']),
  older('os-getSerialConsole', 'serial', ['serial']),
];
