// Servers: create, list, show, change, delete. API: Compute, "Servers". States: see server.rules.ts.

import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { nextLink } from '#/platform/http/page.ts';
import { any, array, as, isTrue, object, open, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { replan } from '#/host/hosts.ts';
import { projectMember, projectReader } from '#/services/compute/allow.ts';
import { beginAction } from '#/services/compute/server-actions/action.store.ts';
import { createServers } from '#/services/compute/servers/create-server.ts';
import {
  type CreateBody,
  createBodies,
  description,
  diskConfig,
  hostname,
  ipv4,
  ipv6,
} from '#/services/compute/servers/create.schema.ts';
import { beginDelete } from '#/services/compute/servers/delete-server.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { listServers } from '#/services/compute/servers/server-list.ts';
import { changeServer, mustFindServer, type Server } from '#/services/compute/servers/server.store.ts';
import {
  type Addresses,
  plainAddresses,
  serverBrief,
  serverFacts,
  serverSchema,
  serverViewer,
} from '#/services/compute/servers/server.view.ts';
import { t } from '#/services/compute/texts.ts';
import { canonicalIp, linksTo, name } from '#/services/compute/wire.ts';

const listReply = open({ servers: array(serverSchema), servers_links: optional(array(as<object>(any()))) });

export const list = endpoint({
  policy: 'os_compute_api:servers:index',
  allow: projectReader,
  route: 'GET /v2.1/servers',
  replies: { 200: listReply },
  async handle({ tx, query, caller, policy, version, request }) {
    const { servers, next } = await listServers(tx, { query, caller, policy, version, request, detail: false });
    const links = next ? { servers_links: [{ rel: 'next', href: nextLink(request, next) }] } : {};
    return { 200: { servers: servers.map(server => serverBrief(server, request)), ...links } };
  },
});

export const detail = endpoint({
  policy: 'os_compute_api:servers:detail',
  allow: projectReader,
  route: 'GET /v2.1/servers/detail',
  replies: { 200: listReply },
  async handle({ tx, query, caller, policy, version, request }) {
    const { servers, next } = await listServers(tx, { query, caller, policy, version, request, detail: true });
    const view = serverViewer({ request, version, caller, policy }, await serverFacts(tx, servers));
    const links = next ? { servers_links: [{ rel: 'next', href: nextLink(request, next) }] } : {};
    return { 200: { servers: servers.map(view), ...links } };
  },
});

export const show = endpoint({
  policy: 'os_compute_api:servers:show',
  allow: projectReader,
  route: 'GET /v2.1/servers/{server_id}',
  find: serverFinder,
  replies: { 200: object({ server: serverSchema }) },
  async handle({ tx, found, caller, policy, version, request }) {
    const view = serverViewer({ request, version, caller, policy }, await serverFacts(tx, [found]))(found);
    return { 200: { server: withGroups(view, found, version) } };
  },
});

/** From 2.71 on, one server says which groups it is in. */
export function withGroups(
  view: Record<string, unknown>,
  server: Server,
  version: Microversion,
): Record<string, unknown> {
  if (since(version, '2.71')) view['server_groups'] = server.groupId === null ? [] : [server.groupId];
  return view;
}

export const create = endpoint({
  policy: 'os_compute_api:servers:create',
  allow: projectMember,
  route: 'POST /v2.1/servers',
  body: createBodies,
  replies: { 202: open({}) },
  async handle({ tx, body, caller, policy, request, version }) {
    if (caller.projectId === null)
      throw new Problem('forbidden', t.needsRule, { rule: 'os_compute_api:servers:create' });
    const sent = body as CreateBody;
    // Before descriptions could be given, a server's was its name.
    if (!since(version, '2.19')) sent.server.description = sent.server.name;
    const hints = sent['os:scheduler_hints'] ?? sent['OS-SCH-HNT:scheduler_hints'] ?? {};
    const { servers, reservationId, adminPass } = await createServers(
      tx,
      caller as typeof caller & { projectId: string },
      policy,
      sent.server,
      hints,
    );
    const location = { location: `${request.base}/v2.1/servers/${servers[0]!.id}` };
    if (isTrue(sent.server.return_reservation_id ?? false))
      return { 202: { reservation_id: reservationId }, headers: location };
    const { id, diskConfig } = servers[0]!;
    const groups = sent.server.security_groups?.length ? sent.server.security_groups : [{ name: 'default' }];
    const server = {
      id,
      links: linksTo(request, `servers/${id}`),
      'OS-DCF:diskConfig': diskConfig,
      security_groups: groups,
      adminPass,
    };
    return { 202: { server }, headers: location };
  },
});

const changes = {
  name: optional(name()),
  'OS-DCF:diskConfig': optional(diskConfig()),
  accessIPv4: optional(ipv4()),
  accessIPv6: optional(ipv6()),
};

/** What a changed or rebuilt server shows before 2.75. */
const basics = [
  'id',
  'name',
  'status',
  'tenant_id',
  'user_id',
  'metadata',
  'hostId',
  'image',
  'flavor',
  'created',
  'updated',
  'addresses',
  'accessIPv4',
  'accessIPv6',
  'links',
  'progress',
  'fault',
  'OS-DCF:diskConfig',
  'locked',
  'description',
  'tags',
  'trusted_image_certificates',
  'locked_reason',
  'server_groups',
];

export function inOldBasics(
  view: Record<string, unknown>,
  version: Microversion,
  more: string[] = [],
): Record<string, unknown> {
  if (since(version, '2.75')) return view;
  const shown = Object.fromEntries([...basics, ...more].filter(key => key in view).map(key => [key, view[key]]));
  return { ...shown, addresses: plainAddresses(view['addresses'] as Addresses) };
}

export const update = endpoint({
  policy: 'os_compute_api:servers:update',
  allow: projectMember,
  route: 'PUT /v2.1/servers/{server_id}',
  find: serverFinder,
  body: {
    '2.1': object({ server: object(changes) }),
    '2.19': object({ server: object({ ...changes, description: optional(description()) }) }),
    '2.90': object({
      server: object({ ...changes, description: optional(description()), hostname: optional(hostname(false)) }),
    }),
    '2.94': object({
      server: object({ ...changes, description: optional(description()), hostname: optional(hostname(true)) }),
    }),
  },
  replies: { 200: object({ server: serverSchema }) },
  async handle({ tx, found, body, caller, policy, version, request }) {
    const ask = (
      body as {
        server: Partial<Record<'name' | 'description' | 'hostname' | 'accessIPv4' | 'accessIPv6', string>> & {
          'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
        };
      }
    ).server;
    await changeServer(tx, found.id, {
      ...(ask.name === undefined ? {} : { name: ask.name }),
      ...(ask.description === undefined ? {} : { description: ask.description }),
      ...(ask.hostname === undefined ? {} : { hostname: ask.hostname }),
      ...(ask.accessIPv4 === undefined ? {} : { accessIpv4: canonicalIp(ask.accessIPv4, 'accessIPv4') }),
      ...(ask.accessIPv6 === undefined ? {} : { accessIpv6: canonicalIp(ask.accessIPv6, 'accessIPv6') }),
      ...(ask['OS-DCF:diskConfig'] === undefined ? {} : { diskConfig: ask['OS-DCF:diskConfig'] }),
    });
    if (found.host !== null) await replan(tx, found.host);
    const server = await mustFindServer(tx, found.id);
    const view = serverViewer({ request, version, caller, policy }, await serverFacts(tx, [server]))(server);
    return { 200: { server: inOldBasics(withGroups(view, server, version), version) } };
  },
});

export const remove = endpoint({
  policy: 'os_compute_api:servers:delete',
  allow: projectMember,
  route: 'DELETE /v2.1/servers/{server_id}',
  find: serverFinder,
  replies: { 204: null },
  async handle({ tx, found, caller }) {
    mustAllow('delete', found, caller);
    if (found.taskState === 'deleting') return { 204: undefined };
    await beginAction(tx, found, 'delete', caller);
    await beginDelete(tx, found);
    return { 204: undefined };
  },
});

const force = endpoint({
  policy: 'os_compute_api:os-deferred-delete:force',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/action',
  action: 'forceDelete',
  find: serverFinder,
  body: open({ forceDelete: any() }),
  replies: { 202: null },
  async handle({ tx, found, caller }) {
    mustAllow('delete', found, caller);
    if (found.taskState !== 'deleting') {
      await beginAction(tx, found, 'delete', caller);
      await beginDelete(tx, found);
    }
    return { 202: undefined };
  },
});

/** Deleting is at once and for good here, so no server is ever in a state to be restored from. */
const restore = endpoint({
  policy: 'os_compute_api:os-deferred-delete:restore',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/action',
  action: 'restore',
  find: serverFinder,
  body: open({ restore: any() }),
  replies: { 202: null },
  async handle({ found }) {
    const { id, vmState: state } = found;
    throw new Problem('conflict', t.wrongState, { action: 'restore', id, what: 'vm_state', state });
  },
});

export const serverEndpoints = [list, detail, show, create, update, remove, force, restore];
