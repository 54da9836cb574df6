// Each filter refuses what it is for, and the change that it names really lets the server in.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Candidate,
  filters,
  matches,
  type PlacementAsk,
  refusalsOf,
} from '#/services/compute/scheduling/filters.ts';
import { answersOf, nearestOf, noValidHost, rank } from '#/services/compute/scheduling/scheduler.rules.ts';

const roomy: Candidate = {
  name: 'host-1',
  providerId: 'p1',
  up: true,
  enabled: true,
  disabledReason: null,
  zone: 'nova',
  architecture: 'x86_64',
  hypervisorType: 'QEMU',
  aggregates: [],
  free: { VCPU: 8, MEMORY_MB: 8192, DISK_GB: 100 },
  total: { VCPU: 8, MEMORY_MB: 8192, DISK_GB: 100 },
  servers: 0,
  groupMembers: 0,
};

const small: PlacementAsk = {
  resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 },
  zone: null,
  host: null,
  architecture: null,
  extraSpecs: {},
  imageProperties: {},
  group: null,
  differentHost: [],
  sameHost: [],
};

const group = { id: 'g', maxPerHost: 1, hosts: ['host-2'] };

const refused: Record<string, { host?: Partial<Candidate>; ask?: Partial<PlacementAsk>; says: RegExp }> = {
  RequestedHost: { ask: { host: 'host-9' }, says: /host-9/ },
  OtherHost: { ask: { notHosts: ['host-1'] }, says: /leave/ },
  AvailabilityZone: { ask: { zone: 'east' }, says: /zone nova instead of east/ },
  Compute: { host: { up: false, enabled: false, disabledReason: 'disk' }, says: /disk/ },
  Resources: { ask: { resources: { VCPU: 9, MEMORY_MB: 9000 } }, says: /MEMORY_MB 8192 or less \(asked 9000\)/ },
  ImageArchitecture: { ask: { architecture: 'aarch64' }, says: /x86_64 instead of aarch64/ },
  ComputeCapabilities: { ask: { extraSpecs: { 'capabilities:hypervisor_type': 'VMware' } }, says: /it has QEMU/ },
  AggregateInstanceExtraSpecs: {
    ask: { extraSpecs: { 'aggregate_instance_extra_specs:ssd': 'true' } },
    says: /ssd=true/,
  },
  AggregateImagePropertiesIsolation: { host: { aggregates: [{ os_distro: 'windows' }] }, says: /os_distro=windows/ },
  ServerGroupAntiAffinity: {
    host: { groupMembers: 1 },
    ask: { group: { ...group, policy: 'anti-affinity' } },
    says: /group g/,
  },
  ServerGroupAffinity: { ask: { group: { ...group, policy: 'affinity' } }, says: /host-2/ },
  DifferentHost: { ask: { differentHost: [{ id: 's1', host: 'host-1' }] }, says: /s1/ },
  SameHost: { ask: { sameHost: [{ id: 's1', host: 'host-2' }] }, says: /host-2/ },
};

test('a roomy host takes a small server', () => deepEqual(refusalsOf({ host: roomy, ask: small }), []));

for (const { name } of filters)
  test(`${name} refuses, says why, and its change lets the server in`, () => {
    const { host, ask, says } = refused[name]!;
    const situation = { host: { ...roomy, ...host }, ask: { ...small, ...ask } };
    const refusals = refusalsOf(situation);
    ok(refusals.length > 0);
    for (const refusal of refusals) {
      equal(refusal.filter, name);
      ok(refusal.text.say('ko', refusal.facts) !== refusal.text.say('en', refusal.facts));
    }
    ok(
      refusals.some(refusal => says.test(refusal.text.say('en', refusal.facts))),
      refusals.map(refusal => refusal.text.say('en', refusal.facts)).join(),
    );
    const changed = refusals.reduce((at, refusal) => refusal.change(at), situation);
    deepEqual(refusalsOf(changed), []);
  });

test('without a host, the nearest is named with all that it would take', () => {
  const ask = { ...small, resources: { ...small.resources, MEMORY_MB: 4096 } };
  const tight = { ...roomy, name: 'tight', free: { ...roomy.free, MEMORY_MB: 4000 } };
  const down = { ...roomy, name: 'down', up: false, free: { VCPU: 0 } };
  const answers = answersOf([down, tight], ask);
  equal(nearestOf(answers)!.host.name, 'tight');
  const said = noValidHost(answers).say('en');
  equal(
    said,
    'No valid host was found. Compute refused 1 of 2 hosts; Resources refused 2 of 2 hosts. Nearest is tight: it would fit with MEMORY_MB 4000 or less (asked 4096), or with 96 more there.',
  );
  equal(noValidHost([]).say('en'), 'No valid host was found. There are no compute hosts.');
});

test('the emptiest host is taken, and soft policies weigh more', () => {
  const busy = { ...roomy, name: 'busy', free: { VCPU: 2, MEMORY_MB: 1024, DISK_GB: 10 }, groupMembers: 2 };
  const hosts = [busy, roomy];
  const names = (ask: PlacementAsk): string[] => rank(hosts, ask).map(host => host.name);
  deepEqual(names(small), ['host-1', 'busy']);
  deepEqual(names({ ...small, group: { ...group, policy: 'soft-affinity' } }), ['busy', 'host-1']);
  deepEqual(names({ ...small, group: { ...group, policy: 'soft-anti-affinity' } }), ['host-1', 'busy']);
});

test('extra spec operators', () => {
  const table: [wanted: string, have: string, fits: boolean][] = [
    ['KVM', 'KVM', true],
    ['>= 4', '8', true],
    ['<= 4', '8', false],
    ['== 8', '8', true],
    ['s== abc', 'abc', true],
    ['<in> bc', 'abcd', true],
    ['<or> QEMU <or> KVM', 'KVM', true],
    ['<or> QEMU <or> KVM', 'Xen', false],
  ];
  for (const [wanted, have, fits] of table) equal(matches(wanted, have), fits, `${wanted} / ${have}`);
});
