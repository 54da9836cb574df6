// What dnsmasq and a router's nft are told, compared with what is checked in.

import { doesNotMatch, equal } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { DhcpSubnet, HostDhcp, HostRouter } from '../network-driver.ts';
import { dhcpAddresses, dhcpFiles, hasLost, needsServer } from './dhcp.files.ts';
import { routerScript, translatedAddresses } from './router.nft.ts';

function equalsGolden(name: string, text: string): void {
  const file = new URL(`./golden/${name}`, import.meta.url);
  if (process.env.GOLDEN === 'write') writeFileSync(file, text);
  equal(text, readFileSync(file, 'utf8'));
}

const v4: DhcpSubnet = {
  subnetId: '11111111-0000-4000-8000-000000000001',
  cidr: '10.0.0.0/24',
  gateway: '10.0.0.1',
  dnsServers: ['192.0.2.53', '192.0.2.54'],
  hostRoutes: [{ destination: '198.51.100.0/24', nexthop: '10.0.0.9' }],
  dhcp: true,
  ipv6: null,
};
const v6 = (n: number, mode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless', gateway: string | null): DhcpSubnet => ({
  subnetId: `66666666-0000-4000-8000-00000000000${n}`,
  cidr: `2001:db8:${n}::/64`,
  gateway,
  dnsServers: ['2001:db8::53'],
  hostRoutes: [],
  dhcp: true,
  ipv6: { addressMode: mode, raMode: mode },
});
const dhcp: HostDhcp = {
  key: 'dhcp/aaaaaaaa-0000-4000-8000-000000000001',
  networkId: 'aaaaaaaa-0000-4000-8000-000000000001',
  portId: 'dddddddd-0000-4000-8000-000000000001',
  mac: 'fa:16:3e:00:00:02',
  local: false,
  addresses: ['10.0.0.2/24', '2001:db8:1::2/64'],
  mtu: 1450,
  domain: 'cloud.example',
  subnets: [
    v4,
    {
      ...v4,
      subnetId: '11111111-0000-4000-8000-000000000002',
      cidr: '10.0.1.0/24',
      gateway: null,
      dnsServers: [],
      hostRoutes: [],
    },
    { ...v4, subnetId: '11111111-0000-4000-8000-000000000003', cidr: '10.0.2.0/24', dhcp: false },
    v6(1, 'slaac', '2001:db8:1::1'),
    v6(2, 'dhcpv6-stateful', null),
    v6(3, 'dhcpv6-stateless', null),
  ],
  leases: [
    {
      portId: 'eeeeeeee-0000-4000-8000-000000000001',
      mac: 'FA:16:3E:00:00:05',
      ips: ['10.0.0.5', '2001:db8:2::5'],
      hostname: 'first',
      options: [
        { name: 'bootfile-name', value: 'boot.ipxe', ipVersion: 4 },
        { name: '150', value: '192.0.2.7', ipVersion: 4 },
        { name: 'domain-search', value: 'a.example', ipVersion: 6 },
        { name: 'tftp-server', value: 'x\ntag:all,option:router,6.6.6.6', ipVersion: 4 },
      ],
    },
    {
      portId: 'eeeeeeee-0000-4000-8000-000000000002',
      mac: 'fa:16:3e:00:00:06',
      ips: ['10.0.0.6'],
      hostname: 'bad,name\n',
      options: [],
    },
    { portId: 'eeeeeeee-0000-4000-8000-000000000003', mac: 'nonsense', ips: ['10.0.0.7'], hostname: 'x', options: [] },
  ],
};

test('a network with every kind of subnet', () => {
  const { args, hosts, options } = dhcpFiles(dhcp, '/var/lib/haneul/dhcp/x');
  equalsGolden('dnsmasq.txt', [...args, '', hosts, options].join('\n'));
  doesNotMatch(hosts + options, /6\.6\.6\.6|bad/);
  equal(dhcpAddresses(dhcp).join(), '10.0.0.2/24,2001:db8:1::2/64,169.254.169.254/32');
});

test('a network without DHCP and router advertisements needs no server', () => {
  equal(needsServer({ ...dhcp, subnets: [{ ...v4, dhcp: false }] }), false);
  equal(needsServer(dhcp), true);
});

test('a lease is lost when its address is gone or another’s; its name and options may change', () => {
  const one = 'fa:16:3e:00:00:05,set:port-1,10.0.0.5,first,86400s\n';
  equal(hasLost(one, `${one}fa:16:3e:00:00:06,10.0.0.6,86400s\n`), false);
  equal(hasLost(one, 'fa:16:3e:00:00:05,10.0.0.5,renamed,86400s\n'), false);
  equal(hasLost(one, ''), true);
  equal(hasLost(one, 'fa:16:3e:00:00:06,10.0.0.5,first,86400s\n'), true);
});

test('a router with everything', () => {
  const router: HostRouter = {
    key: 'router/cccccccc-0000-4000-8000-000000000001',
    routerId: 'cccccccc-0000-4000-8000-000000000001',
    adminUp: true,
    interfaces: [],
    gateway: {
      portId: '99999999-0000-4000-8000-000000000001',
      networkId: 'bbbbbbbb-0000-4000-8000-000000000002',
      mac: 'fa:16:3e:00:00:09',
      addresses: ['172.24.4.10/24', '2001:db8:9::a/64'],
      mtu: 1500,
      nexthops: ['172.24.4.1'],
      snat: true,
    },
    floatingIps: [{ id: 'f1', floatingIp: '172.24.4.20', fixedIp: '10.0.0.5' }],
    portForwardings: [
      {
        id: 'f2',
        externalIp: '172.24.4.30',
        externalPort: 2_222,
        protocol: 'tcp',
        internalIp: '10.0.0.6',
        internalPort: 22,
      },
      {
        id: 'f3',
        externalIp: '172.24.4.30',
        externalPort: 0,
        protocol: 'tcp',
        internalIp: '10.0.0.6',
        internalPort: 22,
      },
      {
        id: 'f4',
        externalIp: '172.24.4.30',
        externalPort: 1,
        protocol: 'x accept',
        internalIp: '10.0.0.6',
        internalPort: 22,
      },
    ],
    routes: [],
  };
  equalsGolden('router.nft', routerScript(router));
  equal(translatedAddresses(router).join(), '172.24.4.20,172.24.4.30');
});
