// Which calls of a service somebody may make on what is their own.

import { ownTarget } from '#/operations/own-target.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { coversCalls } from '#/services/identity/contract.ts';

export function ownCalls(
  { type, aliases = [], endpoints }: Pick<Service, 'type' | 'aliases' | 'endpoints'>,
  { caller, policy }: { caller: Caller; policy: Policy },
): Endpoint[] {
  const target = ownTarget(caller);
  return endpoints.filter(
    ({ policy: rule, method, path }) =>
      rule === 'public' ||
      (policy.allows(rule, caller.credentials, target) &&
        coversCalls(caller, { services: [type, ...aliases], method, path })),
  );
}
