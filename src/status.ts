// What the program says of itself: `GET /haneul/health` to anyone, `GET /haneul/status` to administrators,
// and what operators ask and do: operations, the audit, the story of a request.
// Not a service of the catalog.

import { listHosts } from '#/host/hosts.ts';
import { auditEndpoint } from '#/operations/audit.api.ts';
import { operationEndpoints } from '#/operations/operation.api.ts';
import { policyEndpoints } from '#/operations/policy.api.ts';
import { storyEndpoint } from '#/operations/story.api.ts';
import { upgradeEndpoints } from '#/operations/upgrade.api.ts';
import { type ClusterFacts, machineEndpoints } from '#/cluster/machine.api.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Migration } from '#/platform/database/migrations.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, nullable, object, oneOf, optional, string, integer } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { countRunning } from '#/platform/operations/operation.store.ts';
import { version } from '#/version.ts';

const hostView = object({
  name: string(),
  state: oneOf('up', 'down'),
  roles: array(string()),
  accelerator: optional(string()),
  kvmProblem: optional(string()),
  disabled: nullable(string()),
  lastSeen: string(),
});

/** @param services whose counts and operations are shown */
export function statusService(
  services: Service[],
  parts: { bus: Bus; clock: Clock; migrations: Migration[]; alone?: boolean; cluster?: ClusterFacts | null },
): Service {
  const kinds = services.flatMap(service => service.operations ?? []);
  const name = 'haneul';
  const endpoints: Endpoint[] = [
    endpoint({
      policy: 'public',
      route: 'GET /health',
      replies: { 200: object({ healthy: any(), version: string() }) },
      handle: async () => ({ 200: { healthy: true, version } }),
    }),
    endpoint({
      policy: 'haneul:status',
      allow: 'role:admin',
      route: 'GET /status',
      replies: {
        200: object({
          version: string(),
          hosts: array(hostView),
          counts: mapOf(integer()),
          operations: mapOf(integer()),
        }),
      },
      handle: async ({ tx }) => {
        const hosts = (await listHosts(tx)).map(
          ({ name, up, roles, capabilities, enabled, disabledReason, lastSeenAt }) => ({
            name,
            state: up ? 'up' : 'down',
            roles,
            ...(capabilities ? { accelerator: capabilities.accelerator, kvmProblem: capabilities.kvmProblem } : {}),
            disabled: enabled ? null : (disabledReason ?? ''),
            lastSeen: lastSeenAt,
          }),
        );
        const counts: Record<string, number> = {};
        for (const service of services) Object.assign(counts, await service.counts?.(tx));
        return { 200: { version, hosts, counts, operations: await countRunning(tx) } };
      },
    }),
    ...machineEndpoints({ cluster: parts.cluster ?? null, services }),
    ...operationEndpoints(kinds, parts.bus),
    auditEndpoint(parts),
    storyEndpoint(kinds),
    ...upgradeEndpoints(parts.migrations, parts.alone ?? false),
  ];
  endpoints.push(...policyEndpoints(services, { name, type: name, endpoints }));
  return {
    name,
    type: name,
    catalogName: name,
    catalogPath: '',
    envelope: ({ status, message }) => ({ body: { error: { code: status, message } } }),
    endpoints,
  };
}
