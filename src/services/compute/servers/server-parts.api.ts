// What is seen of a server besides itself: addresses, security groups, console log, diagnostics, and groups put on it.

import { callHost, serverConsoleLog, serverDiagnostics } from '#/host/commands.ts';
import { hostByName } from '#/host/hosts.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Database } from '#/platform/database/database.ts';
import { endpoint, type Endpoint, since } from '#/platform/http/endpoint.ts';
import { any, array, as, either, integer, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectMember, projectReader } from '#/services/compute/allow.ts';
import { unifiedDiagnostics } from '#/services/compute/servers/diagnostics.rules.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder as find } from '#/services/compute/servers/server.finder.ts';
import { mustFindServer } from '#/services/compute/servers/server.store.ts';
import { addressesOf, plainAddresses } from '#/services/compute/servers/server.view.ts';
import { t } from '#/services/compute/texts.ts';
import { portsOfServer, setServerSecurityGroup } from '#/services/network/contract.ts';

const anything = as<Record<string, unknown>>(any());

const ips = endpoint({
  policy: 'os_compute_api:ips:index',
  allow: projectReader,
  route: 'GET /v2.1/servers/{server_id}/ips',
  find,
  replies: { 200: object({ addresses: anything }) },
  handle: async ({ tx, found }) => ({
    200: { addresses: plainAddresses(addressesOf(await portsOfServer(tx, found.id))) },
  }),
});

const ipsOfNetwork = endpoint({
  policy: 'os_compute_api:ips:show',
  allow: projectReader,
  route: 'GET /v2.1/servers/{server_id}/ips/{label}',
  find,
  replies: { 200: anything },
  async handle({ tx, found, path }) {
    const label = path['label']!;
    const addresses = plainAddresses(addressesOf(await portsOfServer(tx, found.id)));
    if (!Object.hasOwn(addresses, label))
      throw new Problem('notFound', t.networkLabelNotFound, { label: label.slice(0, 255) });
    return { 200: { [label]: addresses[label] } };
  },
});

const groups = endpoint({
  policy: 'os_compute_api:os-security-groups:list',
  allow: projectReader,
  route: 'GET /v2.1/servers/{server_id}/os-security-groups',
  find,
  replies: { 200: object({ security_groups: array(anything) }) },
  async handle({ tx, found }) {
    const all = new Map(
      (await portsOfServer(tx, found.id)).flatMap(port => port.securityGroups.map(group => [group.id, group])),
    );
    const view = [...all.values()].map(({ id, name }) => ({
      id,
      name,
      description: '',
      rules: [],
      tenant_id: found.projectId,
    }));
    return { 200: { security_groups: view } };
  },
});

function changeGroup(action: 'addSecurityGroup' | 'removeSecurityGroup', rule: string): Endpoint {
  return endpoint({
    policy: rule,
    allow: projectMember,
    route: 'POST /v2.1/servers/{server_id}/action',
    action,
    find,
    body: object({ [action]: object({ name: string({ min: 1, max: 255 }) }) }),
    replies: { 202: null },
    async handle({ tx, found, body, caller }) {
      mustAllow('change_security_group', found, caller);
      const { name } = (body as Record<string, { name: string }>)[action]!;
      await setServerSecurityGroup(tx, caller, found.id, name, action === 'addSecurityGroup');
      return { 202: undefined };
    },
  });
}

/** The server as it is now, and the host that holds it. */
async function held(db: Database, id: string) {
  const server = await db.read(tx => mustFindServer(tx, id));
  return { server, host: hostOf(server), key: `server/${server.id}` as const };
}

const consoleLog = (bus: Bus) =>
  endpoint({
    policy: 'os_compute_api:os-console-output',
    allow: projectMember,
    route: 'POST /v2.1/servers/{server_id}/action',
    action: 'os-getConsoleOutput',
    writes: false,
    find,
    body: object({
      'os-getConsoleOutput': nullable(
        object({ length: optional(nullable(either(integer({ min: -1 }), string({ pattern: '^-?[0-9]{1,9}$' })))) }),
      ),
    }),
    replies: { 200: object({ output: string() }) },
    async prepare({ db, path, body, request }) {
      const { host, key } = await held(db, path['server_id']!);
      const { length } = body['os-getConsoleOutput'] ?? {};
      // -1, and nothing, are everything that is kept.
      const lines = length === undefined || length === null || Number(length) < 0 ? null : Number(length);
      return callHost(bus, host, serverConsoleLog, { key, lines }, undefined, request.id);
    },
    handle: async ({ prepared }) => ({ 200: { output: prepared.output } }),
  });

const diagnostics = (bus: Bus) =>
  endpoint({
    policy: 'os_compute_api:os-server-diagnostics',
    allow: admin,
    route: 'GET /v2.1/servers/{server_id}/diagnostics',
    find,
    replies: { 200: open({}) },
    async prepare({ db, path, request }) {
      const { server, host, key } = await held(db, path['server_id']!);
      if (server.vmState !== 'active')
        throw new Problem('conflict', t.wrongState, {
          action: 'get_diagnostics',
          id: server.id,
          what: 'vm_state',
          state: server.vmState,
        });
      return (await callHost(bus, host, serverDiagnostics, { key }, undefined, request.id)) as Record<string, unknown>;
    },
    async handle({ tx, found, prepared, version }) {
      if (!since(version, '2.48')) return { 200: prepared };
      const host = await hostByName(tx, found.host!);
      const about = {
        configDrive: found.configDrive === 1,
        ports: await portsOfServer(tx, found.id),
        hypervisor: host?.capabilities?.type ?? 'unknown',
      };
      return { 200: unifiedDiagnostics(prepared, about) };
    },
  });

export const serverPartEndpoints = (bus: Bus): Endpoint[] => [
  ips,
  ipsOfNetwork,
  groups,
  changeGroup('addSecurityGroup', 'os_compute_api:os-security-groups:add'),
  changeGroup('removeSecurityGroup', 'os_compute_api:os-security-groups:remove'),
  consoleLog(bus),
  diagnostics(bus),
];
