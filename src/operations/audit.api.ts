// The audit of a live cloud: every host is asked what it really holds, and that is held against the rows. Read-only.

import { auditCloud, type Inventories, lasting, type Violation } from '#/audit/invariants.ts';
import { callHost, inventory } from '#/host/commands.ts';
import { listHosts } from '#/host/hosts.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { array, boolean, nullable, object, string } from '#/platform/http/schema.ts';
import { sentenceOf } from '#/platform/problem/problem.ts';

/** How long a host may take to list what it holds. */
const answerMs = 30_000;
/** One that is down may still be there. */
const downAnswerMs = 3_000;
/** Between the two looks of an audit: what is in motion moves on. */
const secondLookMs = 3_000;

interface HostAnswer {
  name: string;
  up: boolean;
  answered: boolean;
  /** Why it did not answer. */
  problem: string | null;
}

interface Look {
  violations: Violation[];
  hosts: HostAnswer[];
}

export function auditEndpoint(parts: { bus: Bus; clock: Clock }): Endpoint {
  return endpoint({
    policy: 'haneul:audit',
    allow: 'role:admin',
    route: 'GET /audit',
    replies: {
      200: object({
        violations: array(object({ invariant: string(), resource: string(), sentence: string() })),
        hosts: array(object({ name: string(), up: boolean(), answered: boolean(), problem: nullable(string()) })),
      }),
    },
    async prepare({ db, query, request }) {
      const atRest = query['at_rest'] === 'true';
      const first = await look(db, parts.bus, atRest, request.language, request.id);
      if (first.violations.length === 0) return first;
      await sleep(parts.clock, secondLookMs);
      const second = await look(db, parts.bus, atRest, request.language, request.id);
      return { hosts: second.hosts, violations: lasting(first.violations, second.violations) };
    },
    async handle({ prepared, request }) {
      const violations = prepared.violations.map(({ invariant, resource, sentence }) => ({
        invariant,
        resource,
        sentence: sentence[request.language],
      }));
      return { 200: { violations, hosts: prepared.hosts } };
    },
  });
}

async function look(db: Database, bus: Bus, atRest: boolean, language: string, requestId: string): Promise<Look> {
  const inventories: Inventories = new Map();
  const known = await db.read(listHosts);
  const hosts = await Promise.all(
    known.map(async ({ name, up }): Promise<HostAnswer> => {
      try {
        const { keys } = await callHost(bus, name, inventory, {}, up ? answerMs : downAnswerMs, requestId);
        inventories.set(name, keys);
        return { name, up, answered: true, problem: null };
      } catch (thrown) {
        return { name, up, answered: false, problem: sentenceOf(thrown, language) };
      }
    }),
  );
  return { hosts, violations: await db.read(tx => auditCloud(tx, inventories, { atRest })) };
}
