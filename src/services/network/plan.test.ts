// The plan of a host, as a golden file: the same rows give the same entries. GOLDEN=write makes the file anew.

import { deepEqual } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { compilePlan } from '#/services/network/plan.ts';
import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { Port } from '#/services/network/ports/port.store.ts';

const golden = new URL('./plan.golden.json', import.meta.url);

const standard = {
  projectId: 'p',
  name: '',
  description: '',
  tags: '[]',
  revision: 1,
  createdAt: '2026-01-01T00:00:00.000000',
  updatedAt: '2026-01-01T00:00:00.000000',
};
const network = {
  ...standard,
  adminStateUp: 1,
  shared: 0,
  external: 0,
  isDefault: 0,
  type: 'vxlan',
  physicalNetwork: null,
  mtu: 1450,
  portSecurity: 1,
  dnsDomain: '',
  zoneHints: '[]',
  carrier: null,
};
const subnet = {
  ...standard,
  version: 4,
  enableDhcp: 1,
  pools: '[]',
  dnsServers: '[]',
  hostRoutes: '[]',
  serviceTypes: '[]',
  ipv6AddressMode: null,
  ipv6RaMode: null,
  subnetPoolId: null,
};
const rule = {
  ...standard,
  securityGroupId: 'g1',
  protocol: null,
  portMin: null,
  portMax: null,
  remoteGroupId: null,
  remoteAddressGroupId: null,
  remoteIpPrefix: null,
};

function port(id: string, networkId: string, addresses: [subnetId: string, ip: string][], more: Partial<Port>): Port {
  return {
    ...standard,
    id,
    networkId,
    mac: `fa:16:3e:00:00:${id.slice(-2)}`,
    adminStateUp: 1,
    status: 'DOWN',
    deviceId: '',
    deviceOwner: '',
    host: 'h',
    vnicType: 'normal',
    profile: '{}',
    portSecurity: 1,
    allowedPairs: '[]',
    dhcpOptions: '[]',
    dnsName: '',
    ordinal: 0,
    ownedByServer: 0,
    groups: [],
    addresses: addresses.map(([subnetId, ip], position) => ({
      portId: id,
      networkId,
      subnetId,
      ip,
      ipKey: '',
      position,
    })),
    network: { projectId: 'p', shared: 0, name: '', dnsDomain: '' },
    ...more,
  };
}

const rows: PlanRows = {
  networks: [
    { ...network, id: 'n1', segmentationId: 1001, dnsDomain: 'lab.example.' },
    {
      ...network,
      id: 'n2',
      segmentationId: 1002,
      type: 'flat',
      physicalNetwork: 'public',
      external: 1,
      mtu: 1500,
      carrier: 'h',
    },
  ],
  subnets: [
    {
      ...subnet,
      id: 's4',
      networkId: 'n1',
      cidr: '10.1.0.0/24',
      gateway: '10.1.0.1',
      dnsServers: '["9.9.9.9"]',
      hostRoutes: '[{"destination":"10.9.0.0/16","nexthop":"10.1.0.9"}]',
    },
    {
      ...subnet,
      id: 's6',
      networkId: 'n1',
      version: 6,
      cidr: 'fd00::/64',
      gateway: 'fd00::1',
      ipv6AddressMode: 'slaac',
      ipv6RaMode: 'slaac',
    },
    { ...subnet, id: 'sx', networkId: 'n2', cidr: '172.24.4.0/24', gateway: '172.24.4.1', enableDhcp: 0 },
  ],
  guests: [
    port(
      'guest-port-11',
      'n1',
      [
        ['s4', '10.1.0.11'],
        ['s6', 'fd00::11'],
      ],
      {
        deviceId: 'server',
        deviceOwner: 'compute:nova',
        groups: ['g1'],
        dnsName: 'web',
        allowedPairs:
          '[{"mac_address":"fa:16:3e:00:00:99","ip_address":"10.1.0.99"},{"mac_address":"fa:16:3e:00:00:11","ip_address":"10.7.0.0/24"}]',
        dhcpOptions: '[{"opt_name":"mtu","opt_value":"1400","ip_version":4}]',
      },
    ),
    port('open-port-12', 'n1', [['s4', '10.1.0.12']], {
      deviceId: 'other',
      deviceOwner: 'compute:nova',
      portSecurity: 0,
      adminStateUp: 0,
      groups: [],
    }),
  ],
  dhcpPorts: [
    port(
      'dhcp-port-02',
      'n1',
      [
        ['s4', '10.1.0.2'],
        ['s6', 'fd00::2'],
      ],
      { deviceOwner: 'network:dhcp' },
    ),
  ],
  leaseholders: [
    port(
      'guest-port-11',
      'n1',
      [
        ['s4', '10.1.0.11'],
        ['s6', 'fd00::11'],
      ],
      { dnsName: 'web', dhcpOptions: '[{"opt_name":"mtu","opt_value":"1400","ip_version":4}]' },
    ),
    port('open-port-12', 'n1', [['s4', '10.1.0.12']], {}),
    port('away-port-30', 'n1', [['s4', '10.1.0.30']], { host: 'h2' }),
  ],
  routers: [
    {
      ...standard,
      id: 'r1',
      adminStateUp: 1,
      host: 'h',
      gatewayPortId: 'gateway-port-04',
      gatewayNetworkId: 'n2',
      enableSnat: 1,
      routes: '[{"destination":"10.8.0.0/16","nexthop":"10.1.0.8"}]',
      zoneHints: '[]',
      ha: 0,
      virtualRouterId: null,
    },
  ],
  routerPorts: [
    port('inside-port-01', 'n1', [['s4', '10.1.0.1']], { deviceId: 'r1', deviceOwner: 'network:router_interface' }),
    port('gateway-port-04', 'n2', [['sx', '172.24.4.10']], { deviceId: 'r1', deviceOwner: 'network:router_gateway' }),
  ],
  floatingIps: [
    {
      ...standard,
      id: 'f1',
      networkId: 'n2',
      ip: '172.24.4.20',
      holderPortId: 'x',
      portId: 'guest-port-11',
      fixedIp: '10.1.0.11',
      routerId: 'r1',
      status: 'DOWN',
      dnsName: '',
      dnsDomain: '',
    },
    {
      ...standard,
      id: 'f2',
      networkId: 'n2',
      ip: '172.24.4.21',
      holderPortId: 'y',
      portId: null,
      fixedIp: null,
      routerId: 'r1',
      status: 'DOWN',
      dnsName: '',
      dnsDomain: '',
    },
  ],
  portForwardings: [
    {
      ...standard,
      id: 'w1',
      floatingIpId: 'f2',
      externalPort: 2222,
      internalPort: 22,
      internalIp: '10.1.0.12',
      internalPortId: 'open-port-12',
      protocol: 'tcp',
    },
  ],
  rules: [
    { ...rule, id: '1', direction: 'egress', family: 4 },
    {
      ...rule,
      id: '2',
      direction: 'ingress',
      family: 4,
      protocol: 'tcp',
      portMin: 80,
      portMax: 88,
      remoteIpPrefix: '10.0.0.0/8',
    },
    { ...rule, id: '3', direction: 'ingress', family: 4, remoteGroupId: 'g2' },
    { ...rule, id: '4', direction: 'ingress', family: 6, protocol: 'icmp', portMin: 128 },
    { ...rule, id: '5', direction: 'ingress', family: 4, protocol: 'sctp', remoteAddressGroupId: 'a1' },
  ],
  members: [
    {
      groupId: 'g2',
      addresses: ['10.1.0.30', 'fd00::30'],
      allowedPairs: '[{"mac_address":"fa:16:3e:00:00:30","ip_address":"10.6.0.0/24"}]',
    },
  ],
  addressGroups: [{ ...standard, id: 'a1', addresses: '["192.0.2.0/24"]' }],
  uplink: false,
  host: 'h',
  elsewhere: [
    { networkId: 'n1', mac: 'fa:16:3e:00:00:30', address: '192.0.2.51', ips: ['10.1.0.30'] },
    // One that moves from one to the other: on both, so nowhere in particular.
    { networkId: 'n1', mac: null, address: '192.0.2.51', ips: ['10.1.0.31'] },
    { networkId: 'n1', mac: null, address: '192.0.2.50', ips: ['10.1.0.31'] },
  ],
};

test('a host’s plan is what the golden file says', () => {
  const plan = JSON.parse(JSON.stringify(compilePlan(rows))) as unknown;
  if (process.env['GOLDEN'] === 'write') writeFileSync(golden, `${JSON.stringify(plan, null, 2)}\n`);
  deepEqual(plan, JSON.parse(readFileSync(golden, 'utf8')));
});
