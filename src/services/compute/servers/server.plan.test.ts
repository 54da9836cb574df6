// The plan of one server, whole: what changes here changes on every host.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { PortInfo } from '#/services/network/contract.ts';
import { netmask } from '#/services/compute/servers/instance-data.ts';
import { planGuest } from '#/services/compute/servers/server.plan.ts';
import type { BlockDevice, Nic, Server } from '#/services/compute/servers/server.store.ts';

const id = '11111111-1111-4111-8111-111111111111';
const imageId = '22222222-2222-4222-8222-222222222222';
const volumeId = '33333333-3333-4333-8333-333333333333';

const server: Server = {
  seq: 10,
  id,
  projectId: 'p',
  userId: 'u',
  name: 'Web 1',
  hostname: 'web-1',
  description: null,
  reservationId: 'r-abc',
  launchIndex: 0,
  keyName: 'k',
  keyData: { name: 'k', type: 'ssh', publicKey: 'ssh-ed25519 AAAA k' },
  flavor: {
    id: '1',
    name: 'm1.tiny',
    vcpus: 1,
    memoryMib: 512,
    diskGib: 1,
    ephemeralGib: 2,
    swapMib: 64,
    extraSpecs: {},
  },
  vcpus: 1,
  memoryMib: 512,
  imageId,
  image: {
    name: 'i',
    properties: { hw_disk_bus: 'scsi', hw_machine_type: 'q35', hw_vif_model: 'e1000' },
    minDiskGib: 0,
    minRamMib: 0,
  },
  vmState: 'active',
  taskState: null,
  powerState: 1,
  lockedBy: null,
  lockedReason: null,
  host: 'host-1',
  zone: 'nova',
  pinnedZone: null,
  accessIpv4: null,
  accessIpv6: null,
  diskConfig: 'MANUAL',
  configDrive: 1,
  metadata: { role: 'web' },
  tags: [],
  userData: 'IyEvYmluL3No',
  adminPass: 'secret',
  randomSeed: 'aa',
  files: [],
  hints: {},
  groupId: null,
  power: 'running',
  boot: 3,
  rootGeneration: 1,
  planned: 1,
  rootDevice: '/dev/vda',
  fault: null,
  createdAt: '2026-01-01T00:00:00.000000',
  updatedAt: '2026-01-01T00:00:00.000000',
  launchedAt: null,
};

const disk = (more: Partial<BlockDevice>): BlockDevice => ({
  id: 'b',
  serverId: id,
  position: 0,
  source: 'image',
  destination: 'local',
  volumeId: null,
  attachmentId: null,
  device: '/dev/vda',
  bootIndex: null,
  sizeGib: null,
  guestFormat: null,
  tag: null,
  deleteOnTermination: 1,
  madeHere: 0,
  readOnly: 0,
  connection: null,
  detaching: 0,
  ...more,
});

const connection = { kind: 'nbd', path: '/run/v.sock' };
const disks = [
  disk({ bootIndex: 0 }),
  disk({ source: 'blank', device: '/dev/vdb', sizeGib: 2 }),
  disk({ source: 'blank', device: '/dev/vdc', guestFormat: 'swap' }),
  disk({
    source: 'volume',
    destination: 'volume',
    device: '/dev/vdd',
    volumeId,
    connection: JSON.stringify(connection),
    tag: 'data',
  }),
  disk({ source: 'volume', destination: 'volume', device: '/dev/vde', volumeId: 'not-yet-exported' }),
];

const subnet = {
  gateway: '10.0.0.1',
  dnsServers: ['10.0.0.2'],
  hostRoutes: [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }],
  ipv6AddressMode: null,
};
const port = (portId: string, more: Partial<PortInfo> = {}): PortInfo => ({
  id: portId,
  networkId: 'n',
  networkName: 'net',
  projectId: 'p',
  mac: 'fa:16:3e:00:00:01',
  name: '',
  adminStateUp: true,
  status: 'ACTIVE',
  fixedIps: [
    { subnetId: 's4', ip: '10.0.0.5', version: 4 },
    { subnetId: 's6', ip: 'fd00::5', version: 6 },
    { subnetId: 'static', ip: '10.1.0.5', version: 4 },
  ],
  floatingIps: [{ ip: '172.24.4.5', fixedIp: '10.0.0.5' }],
  securityGroups: [{ id: 'g', name: 'default' }],
  mtu: 1450,
  deviceId: id,
  deviceOwner: 'compute:nova',
  host: 'host-1',
  vnicType: 'normal',
  tap: `tap${portId.slice(0, 11)}`,
  portSecurity: true,
  subnets: [
    { ...subnet, id: 's4', cidr: '10.0.0.0/24', version: 4, dhcp: true },
    {
      ...subnet,
      id: 's6',
      cidr: 'fd00::/64',
      version: 6,
      dhcp: true,
      ipv6AddressMode: 'slaac',
      dnsServers: [],
      hostRoutes: [],
    },
    { ...subnet, id: 'static', cidr: '10.1.0.0/20', version: 4, dhcp: false },
  ],
  ...more,
});

const nic = (portId: string, more: Partial<Nic> = {}): Nic => ({
  portId,
  serverId: id,
  position: 0,
  tag: null,
  plugged: 1,
  detaching: 0,
  ...more,
});

test('a whole guest', () => {
  const { instanceData, ...guest } = planGuest(server, [port('port-aaaaaaaa'), port('port-leaving')], disks, [
    nic('port-aaaaaaaa', { tag: 'front' }),
    nic('port-leaving', { detaching: 1 }),
  ]);
  deepEqual(guest, {
    key: `server/${id}`,
    serverId: id,
    projectId: 'p',
    name: 'instance-0000000a',
    vcpus: 1,
    memoryMib: 512,
    power: 'running',
    boot: 3,
    root: { image: `image/${imageId}`, sizeGib: 1 },
    rootGeneration: 1,
    ephemeralGib: [2],
    swapMib: 64,
    kernel: null,
    disks: [{ volumeId, device: 'vdd', connection, bootIndex: null, readOnly: false }],
    nics: [{ portId: 'port-aaaaaaaa', tap: 'tapport-aaaaaa', mac: 'fa:16:3e:00:00:01', mtu: 1450, model: 'e1000' }],
    configDrive: true,
    hardware: {
      machine: 'q35',
      diskBus: 'scsi',
      cdromBus: 'ide',
      video: 'vga',
      guestAgent: false,
      firmware: 'bios',
      rng: true,
    },
  });
  const { random_seed: seed, ...metaData } = instanceData.metaData;
  equal(Buffer.from(seed as string, 'base64').length, 512);
  deepEqual(metaData, {
    uuid: id,
    name: 'Web 1',
    hostname: 'web-1.novalocal',
    launch_index: 0,
    availability_zone: 'nova',
    project_id: 'p',
    meta: { role: 'web' },
    devices: [
      { type: 'nic', bus: 'none', address: 'none', mac: 'fa:16:3e:00:00:01', tags: ['front'] },
      { type: 'disk', bus: 'none', address: 'none', path: '/dev/vdd', serial: volumeId, tags: ['data'] },
    ],
    dedicated_cpus: [],
    public_keys: { k: 'ssh-ed25519 AAAA k' },
    keys: [{ name: 'k', type: 'ssh', data: 'ssh-ed25519 AAAA k' }],
    admin_pass: 'secret',
  });
  equal(instanceData.userData, 'IyEvYmluL3No');
  deepEqual(instanceData.networkData, {
    links: [
      {
        id: 'tapport-aaaaaa',
        vif_id: 'port-aaaaaaaa',
        type: 'bridge',
        mtu: 1450,
        ethernet_mac_address: 'fa:16:3e:00:00:01',
      },
    ],
    networks: [
      { id: 'network0', link: 'tapport-aaaaaa', network_id: 'n', type: 'ipv4_dhcp' },
      { id: 'network1', link: 'tapport-aaaaaa', network_id: 'n', type: 'ipv6_slaac' },
      {
        id: 'network2',
        link: 'tapport-aaaaaa',
        network_id: 'n',
        type: 'ipv4',
        ip_address: '10.1.0.5',
        netmask: '255.255.240.0',
        routes: [
          { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' },
          { network: '10.9.0.0', netmask: '255.255.0.0', gateway: '10.0.0.9' },
        ],
        services: [{ type: 'dns', address: '10.0.0.2' }],
      },
    ],
    services: [{ type: 'dns', address: '10.0.0.2' }],
  });
  deepEqual(instanceData.ec2, {
    'ami-id': 'ami-22222222',
    'ami-launch-index': '0',
    'ami-manifest-path': 'none',
    'block-device-mapping': { ami: 'vda', root: '/dev/vda', ebs0: '/dev/vdd', ebs1: '/dev/vde' },
    hostname: 'web-1.novalocal',
    'instance-action': 'none',
    'instance-id': 'i-0000000a',
    'instance-type': 'm1.tiny',
    'local-hostname': 'web-1.novalocal',
    'local-ipv4': '10.0.0.5',
    placement: { 'availability-zone': 'nova' },
    'public-hostname': 'web-1.novalocal',
    'public-ipv4': '172.24.4.5',
    'public-keys': { '0': { _name: '0=k', 'openssh-key': 'ssh-ed25519 AAAA k' } },
    'reservation-id': 'r-abc',
    'security-groups': ['default'],
  });
});

test('a guest that boots from a volume has no root of its own, and one with a kernel boots it', () => {
  const boot = disk({
    source: 'volume',
    destination: 'volume',
    bootIndex: 0,
    volumeId,
    connection: JSON.stringify(connection),
  });
  const fromVolume = planGuest({ ...server, imageId: null }, [], [boot], []);
  deepEqual([fromVolume.root, fromVolume.disks[0]!.bootIndex], [null, 0]);
  const properties = { kernel_id: 'k', ramdisk_id: 'r', os_command_line: 'quiet' };
  const direct = planGuest({ ...server, image: { ...server.image, properties } }, [], [disk({ bootIndex: 0 })], []);
  deepEqual(direct.kernel, { kernel: 'image/k', ramdisk: 'image/r', commandLine: 'quiet' });
});

test('netmasks', () => {
  deepEqual(
    [netmask(24, 4), netmask(0, 4), netmask(19, 4), netmask(64, 6), netmask(10, 6)],
    ['255.255.255.0', '0.0.0.0', '255.255.224.0', 'ffff:ffff:ffff:ffff::', 'ffc0::'],
  );
});
