// Which of the declared endpoints users have called, and how often these did what they were asked.

import { choose, createRouter, type Router, spokenVersion } from '#/platform/http/router.ts';
import type { Service } from '#/platform/http/service.ts';
import { nameOf } from '#/reference/calls.ts';

export interface Count {
  called: number;
  /** Answered with a 2xx. */
  done: number;
}

export interface Coverage {
  /** By the endpoint's name: `POST /compute/v2.1/servers`. */
  readonly counts: Map<string, Count>;
  saw(method: string, path: string, headers: Record<string, string>, sent: unknown, status: number): void;
}

/** @param services those of a node that is up, if any */
export function createCoverage(services: () => Service[] | undefined): Coverage {
  const counts = new Map<string, Count>();
  let router: Router | undefined;
  return {
    counts,
    saw(method, path, headers, sent, status) {
      if (method === 'GET') return;
      if (!router) {
        const known = services();
        if (!known) return;
        router = createRouter(known);
      }
      const name = nameAt(router, method, path, headers, sent);
      if (name === undefined) return;
      const count = counts.get(name) ?? { called: 0, done: 0 };
      count.called++;
      if (status >= 200 && status < 300) count.done++;
      counts.set(name, count);
    },
  };
}

function nameAt(
  router: Router,
  method: string,
  path: string,
  headers: Record<string, string>,
  sent: unknown,
): string | undefined {
  try {
    const { route } = router.match(method, path.split('?', 1)[0]!);
    return nameOf(route.service, choose(route, spokenVersion(route.service, headers), sent));
  } catch {
    // No such call: the answer said so.
    return undefined;
  }
}

/** Every call that writes, by name. */
export function writesOf(services: Service[]): string[] {
  return services.flatMap(service =>
    service.endpoints.filter(({ writes, method }) => writes && method !== 'GET').map(one => nameOf(service, one)),
  );
}

/** Adds what another run has seen. */
export function addCounts(total: Map<string, Count>, more: Map<string, Count>): void {
  for (const [name, { called, done }] of more) {
    const sum = total.get(name) ?? { called: 0, done: 0 };
    total.set(name, { called: sum.called + called, done: sum.done + done });
  }
}
