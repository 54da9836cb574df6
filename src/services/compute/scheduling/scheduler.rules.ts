// The choice among hosts that can take a server, and the explanation when none can. Pure.

import { Problem } from '#/platform/problem/problem.ts';
import type { Text } from '#/platform/text/text.ts';
import { type Candidate, type PlacementAsk, type Refusal, refusalsOf } from '#/services/compute/scheduling/filters.ts';
import { t } from '#/services/compute/texts.ts';

export interface HostAnswer {
  host: Candidate;
  refusals: Refusal[];
}

export function answersOf(hosts: Candidate[], ask: PlacementAsk): HostAnswer[] {
  return hosts.map(host => ({ host, refusals: refusalsOf({ host, ask }) }));
}

/** Those that can take it, best first: most room left, and soft group policies. Ties go by number of servers, then name. */
export function rank(hosts: Candidate[], ask: PlacementAsk): Candidate[] {
  const shares = ['MEMORY_MB', 'VCPU', 'DISK_GB'].map(resource =>
    scale(hosts.map(host => (host.free[resource] ?? 0) - (ask.resources[resource] ?? 0))),
  );
  const members = scale(hosts.map(host => host.groupMembers));
  const soft = ask.group?.policy === 'soft-affinity' ? 1 : ask.group?.policy === 'soft-anti-affinity' ? -1 : 0;
  return hosts
    .map((host, at) => ({
      host,
      weight: shares.reduce((sum, share) => sum + share[at]!, 0) + soft * 10 * members[at]!,
    }))
    .toSorted((a, b) => b.weight - a.weight || a.host.servers - b.host.servers || (a.host.name < b.host.name ? -1 : 1))
    .map(({ host }) => host);
}

/** To 0 … 1; all equal is 0. */
function scale(values: number[]): number[] {
  const least = Math.min(...values);
  const most = Math.max(...values);
  return values.map(value => (most === least ? 0 : (value - least) / (most - least)));
}

/** The host that lacks least: fewest and smallest changes. */
export function nearestOf(answers: HostAnswer[]): HostAnswer | undefined {
  const cost = ({ refusals }: HostAnswer): number => refusals.reduce((sum, { weight }) => sum + 1 + weight, 0);
  return answers.toSorted((a, b) => cost(a) - cost(b) || (a.host.name < b.host.name ? -1 : 1))[0];
}

/** Why no host was found: how many each filter refused, and what would let the nearest take it. */
export function noValidHost(answers: HostAnswer[]): Problem {
  if (answers.length === 0) {
    const text: Text = {
      id: t.noValidHost.id,
      say: language => t.noValidHost.say(language, { refusals: t.noHosts.say(language), nearest: '' }).trim(),
    };
    return new Problem('conflict', text);
  }
  const counts = new Map<string, number>();
  for (const { refusals } of answers)
    for (const filter of new Set(refusals.map(refusal => refusal.filter)))
      counts.set(filter, (counts.get(filter) ?? 0) + 1);
  const near = nearestOf(answers)!;
  const text: Text = {
    id: t.noValidHost.id,
    say(language) {
      const refusals = [...counts]
        .map(([filter, count]) => t.filterCount.say(language, { filter, count, all: answers.length }))
        .join('; ');
      const changes = near.refusals
        .map(refusal => refusal.text.say(language, refusal.facts))
        .join(language === 'ko' ? ', ' : ' and ');
      const nearest = t.nearestHost.say(language, { host: near.host.name, changes });
      return t.noValidHost.say(language, { refusals: `${refusals}.`, nearest });
    },
  };
  return new Problem('conflict', text, { hosts: answers.length, nearest: near.host.name, filters: [...counts.keys()] });
}
