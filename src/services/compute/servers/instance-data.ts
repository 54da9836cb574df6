// What a guest is told of itself: OpenStack's metadata documents and EC2's tree. Pure.
// Formats: Compute user guide, "Metadata"; network_data.json's schema in Nova's developer documentation.

import { createHash } from 'node:crypto';
import type { InstanceData } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { BlockDevice, Nic, Server } from '#/services/compute/servers/server.store.ts';
import type { PortInfo } from '#/services/network/contract.ts';

/** The domain that host names are completed with where users gave none, as Nova's default. */
const dhcpDomain = 'novalocal';

export function instanceDataOf(
  server: Server,
  ports: PortInfo[],
  devices: BlockDevice[],
  nics: Map<string, Nic>,
): InstanceData {
  const { keyData } = server;
  const hostname = server.hostname.includes('.') ? server.hostname : `${server.hostname}.${dhcpDomain}`;
  const zone = server.zone ?? '';
  const metaData: Record<string, unknown> = {
    uuid: server.id,
    name: server.name,
    hostname,
    launch_index: server.launchIndex,
    availability_zone: zone,
    project_id: server.projectId,
    random_seed: randomSeed(server.randomSeed),
    meta: server.metadata,
    devices: taggedDevices(ports, devices, nics),
    dedicated_cpus: [],
  };
  if (keyData) {
    metaData['public_keys'] = { [keyData.name]: keyData.publicKey };
    metaData['keys'] = [{ name: keyData.name, type: keyData.type, data: keyData.publicKey }];
  }
  if (server.adminPass !== null) metaData['admin_pass'] = server.adminPass;
  const data: InstanceData = {
    metaData,
    networkData: networkDataOf(ports),
    vendorData: {},
    ec2: ec2Of(server, hostname, ports, devices),
    files: server.files,
  };
  if (server.userData !== null) data.userData = server.userData;
  return data;
}

/** 512 bytes in base64, the same for a server for ever. One hash, for every plan of a host makes it for every guest. */
function randomSeed(stored: string): string {
  return createHash('shake256', { outputLength: 512 }).update(stored).digest('base64');
}

/** Devices that the user gave tags; the guest finds them by MAC address or serial. */
function taggedDevices(ports: PortInfo[], devices: BlockDevice[], nics: Map<string, Nic>): unknown[] {
  const tagged: unknown[] = [];
  for (const port of ports) {
    const tag = nics.get(port.id)?.tag;
    if (tag) tagged.push({ type: 'nic', bus: 'none', address: 'none', mac: port.mac, tags: [tag] });
  }
  for (const { tag, volumeId, device } of devices)
    if (tag)
      tagged.push({
        type: 'disk',
        bus: 'none',
        address: 'none',
        path: device,
        ...(volumeId ? { serial: volumeId } : {}),
        tags: [tag],
      });
  return tagged;
}

function networkDataOf(ports: PortInfo[]): Record<string, unknown> {
  const links: unknown[] = [];
  const networks: Record<string, unknown>[] = [];
  const services = new Map<string, { type: 'dns'; address: string }>();
  for (const port of ports) {
    links.push({ id: port.tap, vif_id: port.id, type: 'bridge', mtu: port.mtu, ethernet_mac_address: port.mac });
    for (const fixed of port.fixedIps) {
      const subnet = port.subnets.find(({ id }) => id === fixed.subnetId);
      if (!subnet) continue;
      for (const address of subnet.dnsServers) services.set(address, { type: 'dns', address });
      networks.push({
        id: `network${networks.length}`,
        link: port.tap,
        network_id: port.networkId,
        ...addressing(fixed, subnet),
      });
    }
  }
  return { links, networks, services: [...services.values()] };
}

function addressing(
  { ip, version }: PortInfo['fixedIps'][number],
  subnet: PortInfo['subnets'][number],
): Record<string, unknown> {
  if (version === 4 && subnet.dhcp) return { type: 'ipv4_dhcp' };
  if (version === 6 && subnet.ipv6AddressMode === 'dhcpv6-stateful') return { type: 'ipv6_dhcpv6-stateful' };
  if (version === 6 && subnet.ipv6AddressMode === 'dhcpv6-stateless') return { type: 'ipv6_dhcpv6-stateless' };
  if (version === 6 && subnet.ipv6AddressMode === 'slaac') return { type: 'ipv6_slaac' };
  const length = Number(subnet.cidr.split('/')[1]);
  const routes: unknown[] = [];
  if (subnet.gateway)
    routes.push({
      network: version === 4 ? '0.0.0.0' : '::',
      netmask: version === 4 ? '0.0.0.0' : '::',
      gateway: subnet.gateway,
    });
  for (const { destination, nexthop } of subnet.hostRoutes) {
    const [network, bits] = destination.split('/');
    routes.push({ network, netmask: netmask(Number(bits), version), gateway: nexthop });
  }
  const services = subnet.dnsServers.map(address => ({ type: 'dns', address }));
  return { type: version === 4 ? 'ipv4' : 'ipv6', ip_address: ip, netmask: netmask(length, version), routes, services };
}

/** 24 → `255.255.255.0`, 64 → `ffff:ffff:ffff:ffff::`. */
export function netmask(length: number, version: 4 | 6): string {
  const bits = (width: number, at: number): number => {
    const ones = Math.min(width, Math.max(0, length - at * width));
    return (2 ** width - 1) ^ (2 ** (width - ones) - 1);
  };
  if (version === 4) return [0, 1, 2, 3].map(at => bits(8, at)).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bits(16, at).toString(16));
  const last = groups.findLastIndex(group => group !== '0');
  return last === 7 ? groups.join(':') : `${groups.slice(0, last + 1).join(':')}::`;
}

function ec2Of(server: Server, hostname: string, ports: PortInfo[], devices: BlockDevice[]): Record<string, unknown> {
  const local = ports.flatMap(port => port.fixedIps.filter(fixed => fixed.version === 4).map(fixed => fixed.ip));
  const floating = ports.flatMap(port => port.floatingIps.map(one => one.ip));
  const groups = [...new Set(ports.flatMap(port => port.securityGroups.map(group => group.name)))];
  const mapping: Record<string, string> = { ami: 'vda', root: server.rootDevice };
  let volumes = 0;
  for (const { volumeId, device, bootIndex } of devices)
    if (volumeId !== null && bootIndex !== 0 && device) mapping[`ebs${volumes++}`] = device;
  const id = server.seq.toString(16).padStart(8, '0');
  return {
    'ami-id': server.imageId === null ? 'None' : `ami-${server.imageId.slice(0, 8)}`,
    'ami-launch-index': String(server.launchIndex),
    'ami-manifest-path': 'none',
    'block-device-mapping': mapping,
    hostname,
    'instance-action': 'none',
    'instance-id': `i-${id}`,
    'instance-type': server.flavor.name,
    'local-hostname': hostname,
    'local-ipv4': local[0] ?? '',
    placement: { 'availability-zone': server.zone ?? '' },
    'public-hostname': hostname,
    'public-ipv4': floating[0] ?? '',
    ...(server.keyData
      ? { 'public-keys': { '0': { _name: `0=${server.keyData.name}`, 'openssh-key': server.keyData.publicKey } } }
      : {}),
    'reservation-id': server.reservationId,
    'security-groups': groups,
  };
}
