// Addresses, pools and rules of subnets, as tables.

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import {
  keyOf,
  parseAddress,
  parsePrefix,
  showPrefix,
  slaacAddress,
  showAddress,
} from '#/services/network/addressing/address.ts';
import { defaultPools, lowestFree } from '#/services/network/addressing/pools.rules.ts';
import { checkGateway, checkModes, planPools } from '#/services/network/subnets/subnet.rules.ts';

test('addresses and prefixes are read strictly and shown in one way', () => {
  for (const bad of ['10.1', '10.0.0.256', '010.0.0.1', 'fe80::1%eth0', '', 'x', '1:2:3', '10.0.0.1 ', null, 7])
    equal(parseAddress(bad), undefined, String(bad));
  for (const bad of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', 'fd00::/129', '10.0.0.0/8/8'])
    equal(parsePrefix(bad), undefined, bad);
  equal(showPrefix(parsePrefix('10.1.2.99/24')!), '10.1.2.0/24');
  equal(showPrefix(parsePrefix('FD00:0:0::1/64')!), 'fd00::/64');
  equal(keyOf(4, parseAddress('10.0.0.1')!.value), '0a000001');
  equal(
    showAddress(6, slaacAddress(parsePrefix('2001:db8::/64')!, 'fa:16:3e:11:22:33')),
    '2001:db8::f816:3eff:fe11:2233',
  );
});

test('pools leave out the gateway and what no host can have', () => {
  deepEqual(defaultPools('10.0.0.0/29', '10.0.0.4'), [
    { start: '10.0.0.1', end: '10.0.0.3' },
    { start: '10.0.0.5', end: '10.0.0.6' },
  ]);
  deepEqual(defaultPools('10.0.0.0/30', '10.0.0.1'), [{ start: '10.0.0.2', end: '10.0.0.2' }]);
  deepEqual(defaultPools('10.0.0.0/31', null), [{ start: '10.0.0.0', end: '10.0.0.1' }]);
  deepEqual(defaultPools('10.0.0.7/32', '10.0.0.7'), []);
  deepEqual(defaultPools('fd00::/64', 'fd00::1'), [{ start: 'fd00::2', end: 'fd00::ffff:ffff:ffff:ffff' }]);
  deepEqual(
    lowestFree(
      [
        { start: 1n, end: 3n },
        { start: 7n, end: 9n },
      ],
      [1n, 2n, 8n],
      3,
    ),
    [3n, 7n, 9n],
  );
});

test('what a subnet cannot be', () => {
  const prefix = parsePrefix('10.0.0.0/24')!;
  const pool = (start: string, end: string) => () => planPools(prefix, '10.0.0.1', [{ start, end }]);
  for (const wrong of [
    pool('10.0.0.9', '10.0.0.5'),
    pool('10.0.0.0', '10.0.0.5'),
    pool('10.0.0.9', '10.0.1.5'),
    pool('10.0.0.1', '10.0.0.5'),
    pool('fd00::1', 'fd00::5'),
  ])
    throws(wrong, { name: 'Problem' });
  for (const gateway of ['10.0.0.0', '10.0.0.255', 'fd00::1'])
    throws(() => checkGateway(prefix, gateway), { name: 'Problem' });
  checkGateway(prefix, '192.168.0.1');
  const modes = { version: 6, enableDhcp: true, length: 64 };
  checkModes({ ...modes, raMode: 'slaac', addressMode: 'slaac' });
  checkModes({ ...modes, raMode: null, addressMode: 'dhcpv6-stateful' });
  throws(() => checkModes({ ...modes, raMode: 'slaac', addressMode: 'dhcpv6-stateful' }), { name: 'Problem' });
  throws(() => checkModes({ ...modes, version: 4, raMode: 'slaac', addressMode: null }), { name: 'Problem' });
  throws(() => checkModes({ ...modes, enableDhcp: false, raMode: 'slaac', addressMode: null }), { name: 'Problem' });
  throws(() => checkModes({ ...modes, length: 56, raMode: 'slaac', addressMode: 'slaac' }), { name: 'Problem' });
});
