// A server as the wire shows it, by microversion. Hot: a list of a thousand is built by this in a few milliseconds, so
// what a version has is looked up once per list, and no key is added to be taken away again.

import { createHash } from 'node:crypto';
import { blockDevicesOf, type BlockDevice, type ShownServer } from '#/services/compute/servers/server.store.ts';
import type { PortInfo } from '#/services/network/contract.ts';
import { portsOfServers } from '#/services/network/contract.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { type Microversion, type RequestFacts, since } from '#/platform/http/endpoint.ts';
import { any, array, as, open, string } from '#/platform/http/schema.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';
import { hostsByName } from '#/host/hosts.ts';
import { instanceName, progressOf, statusOf } from '#/services/compute/servers/server.rules.ts';
import { linksTo, seconds } from '#/services/compute/wire.ts';

export const serverSchema = open({ id: string(), links: array(as<object>(any())) });

/** What servers are shown from: gathered once per answer. */
export interface ServerFacts {
  ports: Map<string, PortInfo[]>;
  devices: Map<string, BlockDevice[]>;
  /** Host name → up, and enabled. */
  hosts: Map<string, { up: boolean; enabled: boolean }>;
}

export async function serverFacts(tx: Tx, servers: ShownServer[]): Promise<ServerFacts> {
  const ids = servers.map(server => server.id);
  const hosts = new Set(servers.flatMap(server => server.host ?? []));
  return {
    ports: ids.length ? await portsOfServers(tx, ids) : new Map(),
    devices: await blockDevicesOf(tx, ids),
    hosts: new Map((await hostsByName(tx, [...hosts])).map(host => [host.name, host])),
  };
}

const hostIds = new Map<string, string>();

/** Opaque to users: the same for servers of one project on one host, and telling nothing else. */
export function hostIdOf(projectId: string, host: string | null): string {
  if (host === null) return '';
  const key = `${projectId}${host}`;
  let id = hostIds.get(key);
  if (!id) {
    if (hostIds.size > 10_000) hostIds.clear();
    hostIds.set(key, (id = createHash('sha224').update(key).digest('hex')));
  }
  return id;
}

export type Addresses = Record<string, Record<string, unknown>[]>;

export function addressesOf(ports: PortInfo[]): Addresses {
  const addresses: Addresses = {};
  for (const port of ports) {
    const list = (addresses[port.networkName] ??= []);
    const shown = (version: number, addr: string, type: string) => ({
      version,
      addr,
      'OS-EXT-IPS:type': type,
      'OS-EXT-IPS-MAC:mac_addr': port.mac,
    });
    for (const { ip, version } of port.fixedIps) list.push(shown(version, ip, 'fixed'));
    for (const { ip } of port.floatingIps) list.push(shown(4, ip, 'floating'));
  }
  return addresses;
}

/** Lists of addresses by label leave out what only servers show. */
export function plainAddresses(addresses: Addresses): Record<string, unknown[]> {
  return Object.fromEntries(
    Object.entries(addresses).map(([label, list]) => [label, list.map(({ version, addr }) => ({ version, addr }))]),
  );
}

/** @returns what shows one server, for a version and a caller */
export function serverViewer(
  asked: { request: RequestFacts; version: Microversion; caller: Caller; policy: Policy },
  facts: ServerFacts,
): (server: ShownServer) => Record<string, unknown> {
  const { request, version, caller, policy } = asked;
  const from = (text: string): boolean => since(version, text);
  const may = (rule: string): boolean =>
    policy.allows(rule, caller.credentials, { project_id: caller.projectId, user_id: caller.userId });
  const [v3, v9, v16, v19, v26, v47, v63, v73, v90, v96] = [
    '2.3',
    '2.9',
    '2.16',
    '2.19',
    '2.26',
    '2.47',
    '2.63',
    '2.73',
    '2.90',
    '2.96',
  ].map(from);
  const attributes = may('os_compute_api:os-extended-server-attributes');
  const specs = v47 && may('os_compute_api:servers:show:flavor-extra-specs');
  const hostStatus = v16 && may('os_compute_api:servers:show:host_status');
  const { base, language } = request;
  const self = `${base}/v2.1/servers/`;
  const bookmark = `${base}/servers/`;
  const flavorOf = flavorViewer(base, v47!, specs!);

  return server => {
    const { id } = server;
    const ports = facts.ports.get(id) ?? [];
    const devices = facts.devices.get(id) ?? [];
    const status = statusOf(server);
    const progress = progressOf(status);
    const groups = new Set<string>();
    for (const port of ports) for (const group of port.securityGroups) groups.add(group.name);
    const view: Record<string, unknown> = {
      id,
      name: server.name,
      status,
      tenant_id: server.projectId,
      user_id: server.userId,
      metadata: server.metadata,
      hostId: hostIdOf(server.projectId, server.host),
      image:
        server.imageId === null
          ? ''
          : { id: server.imageId, links: [{ rel: 'bookmark', href: `${base}/images/${server.imageId}` }] },
      flavor: flavorOf(server),
      created: seconds(server.createdAt),
      updated: seconds(server.updatedAt),
      addresses: addressesOf(ports),
      accessIPv4: server.accessIpv4 ?? '',
      accessIPv6: server.accessIpv6 ?? '',
      links: [
        { rel: 'self', href: self + id },
        { rel: 'bookmark', href: bookmark + id },
      ],
      'OS-DCF:diskConfig': server.diskConfig,
      'OS-EXT-AZ:availability_zone': server.zone ?? server.pinnedZone ?? '',
      config_drive: server.configDrive ? 'True' : '',
      key_name: server.keyName,
      'OS-SRV-USG:launched_at': server.launchedAt,
      'OS-SRV-USG:terminated_at': null,
      'OS-EXT-STS:task_state': server.taskState,
      'OS-EXT-STS:vm_state': server.vmState,
      'OS-EXT-STS:power_state': server.powerState,
      'os-extended-volumes:volumes_attached': volumesOf(devices, v3!),
    };
    if (progress !== undefined) view['progress'] = progress;
    if (groups.size > 0) view['security_groups'] = Array.from(groups, name => ({ name }));
    if (server.fault && server.vmState === 'error') {
      const { code, created, problem } = server.fault;
      view['fault'] = { code, created: seconds(created), message: reviveProblem(problem).say(language) };
    }
    if (attributes) {
      view['OS-EXT-SRV-ATTR:host'] = server.host;
      view['OS-EXT-SRV-ATTR:instance_name'] = instanceName(server.seq);
      view['OS-EXT-SRV-ATTR:hypervisor_hostname'] = server.host;
    }
    if (v3 && (attributes || v90)) {
      // The host name is the user's own from 2.90 on; the others stay the administrator's.
      view['OS-EXT-SRV-ATTR:hostname'] = server.hostname;
    }
    if (v3 && attributes) {
      view['OS-EXT-SRV-ATTR:reservation_id'] = server.reservationId;
      view['OS-EXT-SRV-ATTR:launch_index'] = server.launchIndex;
      view['OS-EXT-SRV-ATTR:kernel_id'] = server.image.properties['kernel_id'] ?? '';
      view['OS-EXT-SRV-ATTR:ramdisk_id'] = server.image.properties['ramdisk_id'] ?? '';
      view['OS-EXT-SRV-ATTR:root_device_name'] = server.rootDevice;
      view['OS-EXT-SRV-ATTR:user_data'] = server.userData;
    }
    if (v9) view['locked'] = server.lockedBy !== null;
    if (hostStatus) view['host_status'] = statusOfHost(server.host, facts);
    if (v19) view['description'] = server.description;
    if (v26) view['tags'] = server.tags;
    if (v63) view['trusted_image_certificates'] = null;
    if (v73) view['locked_reason'] = server.lockedReason;
    if (v96) view['pinned_availability_zone'] = server.pinnedZone;
    return view;
  };
}

function flavorViewer(base: string, embedded: boolean, specs: boolean): (server: ShownServer) => unknown {
  return ({ flavor }) => {
    if (!embedded)
      return { id: flavor.id, links: [{ rel: 'bookmark', href: `${base}/flavors/${encodeURIComponent(flavor.id)}` }] };
    const {
      vcpus,
      memoryMib: ram,
      diskGib: disk,
      ephemeralGib: ephemeral,
      swapMib: swap,
      name: original_name,
    } = flavor;
    const view = { vcpus, ram, disk, ephemeral, swap, original_name };
    return specs ? { ...view, extra_specs: flavor.extraSpecs } : view;
  };
}

function volumesOf(devices: BlockDevice[], withTermination: boolean): unknown[] {
  const volumes: unknown[] = [];
  for (const { volumeId, deleteOnTermination } of devices)
    if (volumeId !== null)
      volumes.push(
        withTermination ? { id: volumeId, delete_on_termination: deleteOnTermination === 1 } : { id: volumeId },
      );
  return volumes;
}

function statusOfHost(host: string | null, { hosts }: ServerFacts): string {
  if (host === null) return '';
  const known = hosts.get(host);
  if (!known) return 'UNKNOWN';
  if (!known.up) return 'DOWN';
  return known.enabled ? 'UP' : 'MAINTENANCE';
}

export function serverBrief(server: Pick<ShownServer, 'id' | 'name'>, request: RequestFacts): Record<string, unknown> {
  return { id: server.id, name: server.name, links: linksTo(request, `servers/${server.id}`) };
}
