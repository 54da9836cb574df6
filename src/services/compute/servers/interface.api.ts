// A server's interfaces: list, show, attach, detach. API: Compute, "Port interfaces".

import { replan } from '#/host/hosts.ts';
import { endpoint, type Finder, since, type Microversion } from '#/platform/http/endpoint.ts';
import { any, array, as, object, optional, string, nullable } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember, projectReader } from '#/services/compute/allow.ts';
import { beginAction } from '#/services/compute/server-actions/action.store.ts';
import { askedNetworks } from '#/services/compute/servers/create-ask.ts';
import { tag } from '#/services/compute/servers/create.schema.ts';
import { attachInterface, detachInterface } from '#/services/compute/servers/interface.operation.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import {
  changeNic,
  findServer,
  insertNic,
  type Nic,
  nicsOf,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { asInvalid, uuid } from '#/services/compute/wire.ts';
import {
  bindServerPort,
  createServerPort,
  type PortInfo,
  portPlan,
  portsOfServer,
} from '#/services/network/contract.ts';

interface Interface {
  port: PortInfo;
  nic: Nic | undefined;
}

const anything = as<Record<string, unknown>>(any());
const path = '/v2.1/servers/{server_id}/os-interface';

function view({ port, nic }: Interface, version: Microversion): Record<string, unknown> {
  return {
    port_state: port.status,
    fixed_ips: port.fixedIps.map(({ ip, subnetId }) => ({ ip_address: ip, subnet_id: subnetId })),
    mac_addr: port.mac,
    net_id: port.networkId,
    port_id: port.id,
    ...(since(version, '2.70') ? { tag: nic?.tag ?? null } : {}),
  };
}

const interfaceFinder: Finder<Server & { interface: Interface | undefined }> = {
  async find({ tx, path: { server_id, port_id } }) {
    const server = await findServer(tx, server_id!);
    if (!server) return undefined;
    const port = (await portsOfServer(tx, server.id)).find(one => one.id === port_id);
    const nic = (await nicsOf(tx, [server.id])).get(server.id)?.find(one => one.portId === port_id);
    return { ...server, interface: port && { port, nic } };
  },
  missing: serverFinder.missing,
};

function mustHave(found: Server & { interface: Interface | undefined }, portId: string): Interface {
  if (!found.interface) throw new Problem('notFound', t.interfaceNotFound, { id: found.id, port: portId.slice(0, 80) });
  return found.interface;
}

const list = endpoint({
  policy: 'os_compute_api:os-attach-interfaces:list',
  allow: projectReader,
  route: `GET ${path}`,
  find: serverFinder,
  replies: { 200: object({ interfaceAttachments: array(anything) }) },
  async handle({ tx, found, version }) {
    const nics = new Map(((await nicsOf(tx, [found.id])).get(found.id) ?? []).map(nic => [nic.portId, nic]));
    const ports = await portsOfServer(tx, found.id);
    return { 200: { interfaceAttachments: ports.map(port => view({ port, nic: nics.get(port.id) }, version)) } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:os-attach-interfaces:show',
  allow: projectReader,
  route: `GET ${path}/{port_id}`,
  find: interfaceFinder,
  replies: { 200: object({ interfaceAttachment: anything }) },
  handle: async ({ found, path: { port_id }, version }) => ({
    200: { interfaceAttachment: view(mustHave(found, port_id!), version) },
  }),
});

const fields = {
  net_id: optional(uuid()),
  port_id: optional(uuid()),
  fixed_ips: optional(
    array(object({ ip_address: string({ min: 2, max: 45, pattern: '^[0-9a-fA-F:.]+$' }) }), { min: 1, max: 1 }),
  ),
};

const attach = endpoint({
  policy: 'os_compute_api:os-attach-interfaces:create',
  allow: projectMember,
  route: `POST ${path}`,
  find: serverFinder,
  body: {
    '2.1': object({ interfaceAttachment: optional(nullable(object(fields))) }),
    '2.49': object({ interfaceAttachment: optional(nullable(object({ ...fields, tag: optional(tag()) }))) }),
  },
  replies: { 200: object({ interfaceAttachment: anything }) },
  async handle({ tx, found, body, caller, policy, version }) {
    const ask =
      (
        body as {
          interfaceAttachment?: {
            net_id?: string;
            port_id?: string;
            fixed_ips?: { ip_address: string }[];
            tag?: string;
          } | null;
        }
      ).interfaceAttachment ?? {};
    if ((ask.net_id && ask.port_id) || (ask.fixed_ips && !ask.net_id)) throw new Problem('invalid', t.interfaceAsk);
    mustAllow('attach_interface', found, caller);
    const host = hostOf(found);
    const bound = { serverId: found.id, serverName: found.name, host };
    const fixedIp = ask.fixed_ips?.[0]?.ip_address;
    let port: PortInfo;
    if (ask.port_id) port = await bindServerPort(tx, caller, { ...bound, portId: ask.port_id });
    else {
      const networks = ask.net_id ? [{ uuid: ask.net_id }] : undefined;
      const [network] = await askedNetworks(tx, caller, policy, networks, 1);
      if (!network?.networkId) throw new Problem('invalid', t.networkAsk);
      port = await asInvalid(
        createServerPort(tx, caller, { ...bound, networkId: network.networkId, fixedIp, dnsName: found.hostname }),
      );
    }
    const position = 1 + Math.max(-1, ...((await nicsOf(tx, [found.id])).get(found.id) ?? []).map(nic => nic.position));
    const nic: Nic = { portId: port.id, serverId: found.id, position, tag: ask.tag ?? null, plugged: 0, detaching: 0 };
    await insertNic(tx, nic);
    await beginAction(tx, found, 'attach_interface', caller);
    await replan(tx, host);
    const input = { serverId: found.id, host, portId: port.id, portKeys: portPlan(host, port) };
    await start(tx, attachInterface, input, { resourceId: found.id, projectId: found.projectId });
    return { 200: { interfaceAttachment: view({ port, nic }, version) } };
  },
});

const detach = endpoint({
  policy: 'os_compute_api:os-attach-interfaces:delete',
  allow: projectMember,
  route: `DELETE ${path}/{port_id}`,
  find: interfaceFinder,
  replies: { 202: null },
  async handle({ tx, found, caller, path: { port_id } }) {
    const { port, nic } = mustHave(found, port_id!);
    mustAllow('detach_interface', found, caller);
    if (nic?.detaching) return { 202: undefined };
    const host = hostOf(found);
    await changeNic(tx, port.id, { detaching: 1 });
    await beginAction(tx, found, 'detach_interface', caller);
    await replan(tx, host);
    await start(
      tx,
      detachInterface,
      { serverId: found.id, host, portId: port.id },
      { resourceId: found.id, projectId: found.projectId },
    );
    return { 202: undefined };
  },
});

export const interfaceEndpoints = [list, show, attach, detach];
