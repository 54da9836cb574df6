// The filters as text: what a host is told, compared with what is checked in, and what odd input cannot do.

import { doesNotMatch, equal, match, ok, throws } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { FilterRule, Filters, HostNetwork, HostPort } from '../network-driver.ts';
import { ruleLine } from './filter-rules.ts';
import { compileFilters, signatureOf, zonesOf } from './filters.compile.ts';
import { endedFlows } from './flows.ts';

/** Compares with a file beside this one; `GOLDEN=write` writes it anew. */
function equalsGolden(name: string, text: string): void {
  const file = new URL(`./golden/${name}`, import.meta.url);
  if (process.env.GOLDEN === 'write') writeFileSync(file, text);
  equal(text, readFileSync(file, 'utf8'));
}

const rule = (more: Partial<FilterRule>): FilterRule => ({
  direction: 'ingress',
  family: 4,
  protocol: null,
  min: null,
  max: null,
  remote: null,
  ...more,
});

function network(id: string, external: HostNetwork['external'] = null): HostNetwork {
  return { key: `network/${id}`, networkId: id, segmentationId: 7, mtu: 1450, external, metadataMac: null, peers: [] };
}

function port(id: string, networkId: string, more: Partial<HostPort> = {}): HostPort {
  return {
    key: `port/${id}`,
    portId: id,
    networkId,
    tap: `tap${id.slice(0, 11)}`,
    mac: `fa:16:3e:00:00:0${id.at(-1)}`,
    ips: [`10.0.0.${id.at(-1)}`],
    allowedAddressPairs: [],
    portSecurity: true,
    adminUp: true,
    rules: [],
    serverId: null,
    ...more,
  };
}

const inner: HostNetwork = {
  ...network('aaaaaaaa-0000-4000-8000-000000000001'),
  metadataMac: '02:00:a9:fe:a9:fe',
  peers: [
    { address: '192.0.2.2', ports: [] },
    { address: '2001:db8::2', ports: [] },
  ],
};
const outer = network('bbbbbbbb-0000-4000-8000-000000000002', {
  hostAddresses: ['172.24.4.1/24', '2001:db8:9::1/64'],
  masquerade: true,
});
const members = 'security-group/members';
const filters: Filters = {
  networks: [outer, inner],
  groups: [{ key: members, addresses: ['10.0.0.5', '10.0.0.6', '2001:db8::5', 'nonsense'] }],
  ports: [
    port('00000000-0000-4000-8000-000000000003', inner.networkId, { portSecurity: false }),
    port('00000001-0000-4000-8000-000000000001', inner.networkId, {
      ips: ['10.0.0.1', '2001:db8::1'],
      allowedAddressPairs: [
        { mac: 'fa:16:3e:00:00:01', cidr: '10.0.0.0/29' },
        { mac: 'FA:16:3E:00:00:99', cidr: '2001:db8:7::/61' },
        { mac: '"; drop', cidr: '0.0.0.0/0' },
      ],
      rules: [
        rule({ direction: 'egress' }),
        rule({ direction: 'egress', family: 6 }),
        rule({ protocol: 'tcp', min: 22, max: 22 }),
        rule({ protocol: 'tcp', min: 8_000, max: 8_010, remote: { cidr: '192.0.2.7/24' } }),
        rule({ remote: { group: members } }),
        rule({ family: 6, remote: { group: members } }),
        rule({ family: 6, protocol: 'icmp', min: 128, max: 0 }),
        rule({ protocol: 'vrrp' }),
        rule({ protocol: '47' }),
      ],
    }),
    port('00000002-0000-4000-8000-000000000002', outer.networkId, { ips: ['172.24.4.5'] }),
  ],
};

test('a host with every kind of port and network', () => {
  equalsGolden('filters.nft', compileFilters(filters, '0ab1cd'));
});

test('a host without anything has no tables', () => {
  const script = compileFilters({ networks: [], ports: [], groups: [] }, '0ab1cd');
  equal(signatureOf(script), null);
  doesNotMatch(script, /\{/);
});

test('the signature changes with the text, and not with the order of the plan', () => {
  const one = signatureOf(compileFilters(filters, '0ab1cd'));
  const turned = { ...filters, networks: [...filters.networks].reverse(), ports: [...filters.ports].reverse() };
  equal(signatureOf(compileFilters(turned, '0ab1cd')), one);
  ok(signatureOf(compileFilters({ ...filters, groups: [] }, '0ab1cd')) !== one);
});

test('rules that cannot be said allow nothing', () => {
  for (const odd of [
    rule({ protocol: 'no-such' }),
    rule({ protocol: '256' }),
    rule({ protocol: 'tcp', min: 10, max: 5 }),
    rule({ protocol: 'tcp', min: -1, max: 70_000 }),
    rule({ remote: { cidr: '10.0.0.0/33' } }),
    rule({ remote: { cidr: '2001:db8::/32' } }),
    rule({ remote: { cidr: '1.2.3.4 accept\n' } }),
    rule({ protocol: 'icmp', min: 300 }),
  ])
    equal(ruleLine(odd), null);
  equal(ruleLine(rule({ remote: { cidr: '0.0.0.0/0' } })), 'meta nfproto ipv4 accept');
  equal(ruleLine(rule({ protocol: 'udp', min: 1, max: 65_535 })), 'meta nfproto ipv4 udp dport 1-65535 accept');
  equal(ruleLine(rule({ protocol: 'tcp', min: 0, max: 65_535 })), 'meta nfproto ipv4 meta l4proto 6 accept');
});

test('a tap name that could be more than a name is refused', () => {
  throws(() => compileFilters({ ...filters, ports: [port('x', inner.networkId, { tap: 'a" drop' })] }, '0ab1cd'), {
    name: 'Problem',
    kind: 'invalid',
  });
});

test('networks have zones of their own, external ones the host’s', () => {
  const many = Array.from({ length: 2_000 }, (_, n) => network(`${n}`.padStart(8, '0')));
  const zones = zonesOf([...many, outer], '0ab1cd');
  equal(new Set(zones.values()).size, 2_000);
  equal(zones.has(outer.networkId), false);
  match(compileFilters(filters, '0ab1cd'), /ct zone set iifname map \{ "hbaaaaaaaa0000" : \d+ \}/);
});

test('flows end when what allowed them is gone, and only then', () => {
  const [open, secured, third] = filters.ports as [HostPort, HostPort, HostPort];
  const zone = zonesOf(filters.networks, '0ab1cd').get(inner.networkId)!;
  const after = (changed: HostPort, groups = filters.groups): Filters => ({
    ...filters,
    ports: [open, changed, third],
    groups,
  });
  const ended = (next: Filters): string[] =>
    endedFlows(filters, next, '0ab1cd').map(flows => `${flows.zone} ${flows.address}`);
  const whole = [`${zone} 10.0.0.1`, `${zone} 2001:db8::1`];
  const peers = [`${zone} 10.0.0.6`];
  const fewer = [{ key: members, addresses: ['10.0.0.5', '2001:db8::5', '10.0.0.7'] }] as Filters['groups'];
  ok(ended(filters).length === 0);
  ok(ended(after({ ...secured, rules: [...secured.rules, rule({ protocol: 'udp' })] })).length === 0);
  equal(ended(after({ ...secured, rules: secured.rules.slice(1) })).join(), whole.join());
  equal(ended(after(secured, fewer)).join(), peers.join());
  equal(ended(after({ ...secured, ips: ['10.0.0.1'] })).join(), whole[1]);
  equal(ended({ ...filters, ports: [open, third] }).join(), whole.join());
  const crowd = Array.from({ length: 20 }, (_, n) =>
    port(`${n}`.padStart(8, '0'), inner.networkId, { ips: [`10.0.1.${n}`] }),
  );
  const emptied = endedFlows({ ...filters, ports: crowd }, { ...filters, ports: [] }, '0ab1cd');
  equal(JSON.stringify(emptied), JSON.stringify([{ zone, address: null }]));
});
