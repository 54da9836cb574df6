// Which hosts may take a server: named filters, each of which says why not and what smallest change would let it pass.
// Pure. A change can be applied to the situation, so tests prove that it helps.

import type { Text } from '#/platform/text/text.ts';
import type { Facts } from '#/platform/problem/problem.ts';
import { t } from '#/services/compute/texts.ts';

export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

/** A host as the scheduler sees it. */
export interface Candidate {
  name: string;
  providerId: string;
  up: boolean;
  enabled: boolean;
  disabledReason: string | null;
  zone: string;
  architecture: string | null;
  hypervisorType: string | null;
  /** Metadata of the aggregates that it is in. */
  aggregates: Record<string, string>[];
  free: Record<string, number>;
  total: Record<string, number>;
  servers: number;
  /** Members of the asked group that are here. */
  groupMembers: number;
}

/** What is looked for. */
export interface PlacementAsk {
  resources: Record<string, number>;
  zone: string | null;
  host: string | null;
  /** Hosts that are out of the question: the one that a server is to leave. */
  notHosts?: string[];
  /** The image's, where it names one. */
  architecture: string | null;
  extraSpecs: Record<string, string>;
  imageProperties: Record<string, string>;
  group: { id: string; policy: GroupPolicy; maxPerHost: number; hosts: string[] } | null;
  /** Server ids that the hints name, and where they are. */
  differentHost: { id: string; host: string | null }[];
  sameHost: { id: string; host: string | null }[];
}

export interface Situation {
  host: Candidate;
  ask: PlacementAsk;
}

export interface Refusal {
  filter: string;
  text: Text;
  facts: Facts;
  /** The situation after the change that the text names. */
  change(situation: Situation): Situation;
  /** How much of a change it is, to order hosts by: 0 for a switch, 1 and more for what costs. */
  weight: number;
}

interface Filter {
  name: string;
  check(situation: Situation): Omit<Refusal, 'filter'>[];
}

const withAsk = ({ host, ask }: Situation, change: Partial<PlacementAsk>): Situation => ({
  host,
  ask: { ...ask, ...change },
});
const withHost = ({ host, ask }: Situation, change: Partial<Candidate>): Situation => ({
  host: { ...host, ...change },
  ask,
});

export const filters: Filter[] = [
  {
    name: 'RequestedHost',
    check: ({ host, ask }) =>
      ask.host === null || ask.host === host.name
        ? []
        : [{ text: t.changeHost, facts: { asked: ask.host }, weight: 2, change: at => withAsk(at, { host: null }) }],
  },
  {
    name: 'OtherHost',
    check: ({ host, ask }) =>
      ask.notHosts?.includes(host.name)
        ? [{ text: t.changeOtherHost, facts: {}, weight: 3, change: at => withAsk(at, { notHosts: [] }) }]
        : [],
  },
  {
    name: 'AvailabilityZone',
    check: ({ host, ask }) =>
      ask.zone === null || ask.zone === host.zone
        ? []
        : [
            {
              text: t.changeZone,
              facts: { zone: host.zone, asked: ask.zone },
              weight: 1,
              change: at => withAsk(at, { zone: host.zone }),
            },
          ],
  },
  {
    name: 'Compute',
    check({ host }) {
      const refusals = [];
      if (!host.up)
        refusals.push({
          text: t.changeUp,
          facts: {},
          weight: 2,
          change: (at: Situation) => withHost(at, { up: true }),
        });
      if (!host.enabled)
        refusals.push({
          text: t.changeEnable,
          facts: { reason: host.disabledReason },
          weight: 0,
          change: (at: Situation) => withHost(at, { enabled: true }),
        });
      return refusals;
    },
  },
  {
    name: 'Resources',
    check: ({ host, ask }) =>
      Object.entries(ask.resources)
        .filter(([resource, need]) => need > 0 && need > (host.free[resource] ?? 0))
        .map(([resource, need]) => {
          const free = host.free[resource] ?? 0;
          return {
            text: t.changeResource,
            facts: { resource, need, free, missing: need - free },
            weight: 1 + (need - free) / need,
            change: (at: Situation) => withAsk(at, { resources: { ...at.ask.resources, [resource]: free } }),
          };
        }),
  },
  {
    name: 'ImageArchitecture',
    check: ({ host, ask }) =>
      ask.architecture === null || host.architecture === null || sameArchitecture(ask.architecture, host.architecture)
        ? []
        : [
            {
              text: t.changeArchitecture,
              facts: { have: host.architecture, asked: ask.architecture },
              weight: 3,
              change: at => withAsk(at, { architecture: host.architecture }),
            },
          ],
  },
  {
    name: 'ComputeCapabilities',
    check: ({ host, ask }) =>
      capabilitiesAsked(ask.extraSpecs)
        .filter(({ name, value }) => !matches(value, capabilityOf(host, name)))
        .map(({ key, name, value }) => ({
          text: t.changeCapability,
          facts: { key, asked: value, have: capabilityOf(host, name) },
          weight: 2,
          change: (at: Situation) => {
            const { [key]: _, ...extraSpecs } = at.ask.extraSpecs;
            return withAsk(at, { extraSpecs });
          },
        })),
  },
  {
    name: 'AggregateInstanceExtraSpecs',
    check: ({ host, ask }) =>
      Object.entries(ask.extraSpecs)
        .filter(([key]) => key.startsWith(aggregateScope))
        .map(([key, value]) => ({ name: key.slice(aggregateScope.length), value }))
        .filter(
          ({ name, value }) =>
            !host.aggregates.some(metadata => Object.hasOwn(metadata, name) && matches(value, metadata[name]!)),
        )
        .map(({ name, value }) => ({
          text: t.changeAggregate,
          facts: { key: name, asked: value },
          weight: 1,
          change: (at: Situation) => withHost(at, { aggregates: [...at.host.aggregates, { [name]: value }] }),
        })),
  },
  {
    // Aggregates whose metadata speak of image properties hold only servers of such images.
    name: 'AggregateImagePropertiesIsolation',
    check: ({ host, ask }) =>
      isolations(host)
        .filter(([key, values]) => !values.includes(ask.imageProperties[key] ?? ''))
        .map(([key, values]) => ({
          text: t.changeImageProperty,
          facts: { key, asked: values.join('|') },
          weight: 2,
          change: (at: Situation) => withAsk(at, { imageProperties: { ...at.ask.imageProperties, [key]: values[0]! } }),
        })),
  },
  {
    name: 'ServerGroupAntiAffinity',
    check: ({ host, ask }) =>
      ask.group?.policy !== 'anti-affinity' || host.groupMembers < ask.group.maxPerHost
        ? []
        : [
            {
              text: t.changeAntiAffinity,
              facts: { group: ask.group.id, count: host.groupMembers },
              weight: 2,
              change: at => withAsk(at, { group: null }),
            },
          ],
  },
  {
    name: 'ServerGroupAffinity',
    check: ({ host, ask }) =>
      ask.group?.policy !== 'affinity' || ask.group.hosts.length === 0 || ask.group.hosts.includes(host.name)
        ? []
        : [
            {
              text: t.changeAffinity,
              facts: { group: ask.group.id, hosts: ask.group.hosts },
              weight: 2,
              change: at => withAsk(at, { group: null }),
            },
          ],
  },
  {
    name: 'DifferentHost',
    check({ host, ask }) {
      const here = ask.differentHost.filter(server => server.host === host.name).map(server => server.id);
      return here.length === 0
        ? []
        : [
            {
              text: t.changeDifferentHost,
              facts: { servers: here },
              weight: 1,
              change: at => withAsk(at, { differentHost: [] }),
            },
          ];
    },
  },
  {
    name: 'SameHost',
    check({ host, ask }) {
      if (ask.sameHost.length === 0 || ask.sameHost.some(server => server.host === host.name)) return [];
      const facts = {
        servers: ask.sameHost.map(server => server.id),
        hosts: ask.sameHost.map(server => server.host ?? '-'),
      };
      return [{ text: t.changeSameHost, facts, weight: 1, change: at => withAsk(at, { sameHost: [] }) }];
    },
  },
];

const aggregateScope = 'aggregate_instance_extra_specs:';

/** Every filter's refusals; none means that the host can take it. */
export function refusalsOf(situation: Situation): Refusal[] {
  return filters.flatMap(({ name, check }) => check(situation).map(refusal => ({ filter: name, ...refusal })));
}

function sameArchitecture(a: string, b: string): boolean {
  const plain = (name: string): string =>
    ({ amd64: 'x86_64', x64: 'x86_64', arm64: 'aarch64', i386: 'i686' })[name.toLowerCase()] ?? name.toLowerCase();
  return plain(a) === plain(b);
}

function capabilitiesAsked(extraSpecs: Record<string, string>): { key: string; name: string; value: string }[] {
  return Object.entries(extraSpecs)
    .filter(([key]) => key.startsWith('capabilities:'))
    .map(([key, value]) => ({ key, name: key.slice('capabilities:'.length), value }));
}

function capabilityOf(host: Candidate, name: string): string {
  const known: Record<string, string | null> = {
    hypervisor_type: host.hypervisorType,
    hypervisor_hostname: host.name,
    'cpu_info:arch': host.architecture,
    vcpus_total: String(host.total['VCPU'] ?? 0),
    free_ram_mb: String(host.free['MEMORY_MB'] ?? 0),
    free_disk_mb: String((host.free['DISK_GB'] ?? 0) * 1024),
  };
  return known[name] ?? '';
}

/** Keys of a host's aggregates that are image properties, and the values that they allow. */
function isolations(host: Candidate): [string, string[]][] {
  const allowed = new Map<string, string[]>();
  for (const metadata of host.aggregates)
    for (const [key, value] of Object.entries(metadata))
      if (/^(os_|hw_|img_|hypervisor_type$)/.test(key))
        allowed.set(key, [...(allowed.get(key) ?? []), ...value.split(',').map(part => part.trim())]);
  return [...allowed];
}

/** Nova's extra spec operators: `>= 4`, `s== text`, `<in> part`, `<or> a <or> b`; without one, equal texts. */
export function matches(wanted: string, have: string): boolean {
  const [operator = '', ...rest] = wanted.trim().split(/\s+/);
  const value = rest.join(' ');
  switch (operator) {
    case '=':
    case '>=':
      return Number(have) >= Number(value);
    case '==':
      return Number(have) === Number(value);
    case '!=':
      return Number(have) !== Number(value);
    case '<=':
      return Number(have) <= Number(value);
    case 's==':
      return have === value;
    case 's!=':
      return have !== value;
    case 's<':
      return have < value;
    case 's<=':
      return have <= value;
    case 's>':
      return have > value;
    case 's>=':
      return have >= value;
    case '<in>':
      return have.includes(value);
    case '<or>':
      return wanted.split('<or>').some(part => part.trim() === have);
    default:
      return have === wanted;
  }
}
