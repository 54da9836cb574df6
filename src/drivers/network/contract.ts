// What every network driver must do, as tests: each backend's test file calls this with its own driver.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Filters,
  HostDhcp,
  HostNetwork,
  HostPort,
  HostRouter,
  NetworkDriver,
} from '#/drivers/network/network-driver.ts';

export interface NetworkFixture extends AsyncDisposable {
  /** A driver over the same networks, as a restarted agent makes it. */
  start(): NetworkDriver;
}

const networkId = 'aaaaaaaa-0000-4000-8000-000000000001';
const portId = 'bbbbbbbb-0000-4000-8000-000000000001';
const dhcpPortId = 'bbbbbbbb-0000-4000-8000-000000000002';
const routerPortId = 'bbbbbbbb-0000-4000-8000-000000000003';
const routerId = 'cccccccc-0000-4000-8000-000000000001';

/** One network with DHCP, a router and a port: entries in an order that a driver can build. */
export function sampleEntries(): {
  network: HostNetwork;
  dhcp: HostDhcp;
  router: HostRouter;
  port: HostPort;
  filters: Filters;
} {
  const network: HostNetwork = {
    key: `network/${networkId}`,
    networkId,
    segmentationId: 77,
    mtu: 1450,
    external: null,
    metadataMac: 'fa:16:3e:00:00:02',
    peers: [],
  };
  const dhcp: HostDhcp = {
    key: `dhcp/${networkId}`,
    networkId,
    portId: dhcpPortId,
    mac: 'fa:16:3e:00:00:02',
    local: false,
    addresses: ['10.77.0.2/24'],
    mtu: 1450,
    domain: 'example',
    subnets: [
      {
        subnetId: 'dddddddd-0000-4000-8000-000000000001',
        cidr: '10.77.0.0/24',
        gateway: '10.77.0.1',
        dnsServers: [],
        hostRoutes: [],
        dhcp: true,
        ipv6: null,
      },
    ],
    leases: [{ portId, mac: 'fa:16:3e:00:00:05', ips: ['10.77.0.5'], hostname: 'host-10-77-0-5', options: [] }],
  };
  const router: HostRouter = {
    key: `router/${routerId}`,
    routerId,
    adminUp: true,
    interfaces: [{ portId: routerPortId, networkId, mac: 'fa:16:3e:00:00:01', addresses: ['10.77.0.1/24'], mtu: 1450 }],
    gateway: null,
    floatingIps: [],
    portForwardings: [],
    routes: [],
  };
  const port: HostPort = {
    key: `port/${portId}`,
    portId,
    networkId,
    tap: `tap${portId.slice(0, 11)}`,
    mac: 'fa:16:3e:00:00:05',
    ips: ['10.77.0.5'],
    allowedAddressPairs: [],
    portSecurity: true,
    adminUp: true,
    rules: [{ direction: 'egress', family: 4, protocol: null, min: null, max: null, remote: null }],
    serverId: null,
  };
  return { network, dhcp, router, port, filters: { networks: [network], ports: [port], groups: [] } };
}

/** Declares the tests of one backend. @param open makes an empty host */
export function networkContract(backend: string, open: () => Promise<NetworkFixture>): void {
  test(`${backend}: entries are made, found by a new driver, and removed, twice each`, async () => {
    await using host = await open();
    const first = host.start();
    await first.restore();
    deepEqual(await first.list(), []);
    const { network, dhcp, router, port, filters } = sampleEntries();
    for (let round = 0; round < 2; round += 1) {
      await first.ensure(network);
      await first.ensureFilters(filters);
      for (const entry of [dhcp, router, port]) await first.ensure(entry);
    }
    await first.close();

    const driver = host.start();
    await driver.restore();
    const keys = [network.key, dhcp.key, router.key, port.key];
    deepEqual((await driver.list()).sort(), keys.toSorted());
    equal(typeof (await driver.counters(portId))['rx_bytes'], 'number');
    await driver.ensure({ ...router, routes: [{ destination: '10.88.0.0/24', nexthop: '10.77.0.9' }] });
    for (let round = 0; round < 2; round += 1) {
      for (const key of keys.toReversed()) await driver.remove(key);
      await driver.ensureFilters({ networks: [], ports: [], groups: [] });
    }
    deepEqual(await driver.list(), []);
    await driver.close();
  });
}
