// What a host must have before a guest with a port can start.

import type { PlanKey } from '#/platform/operations/operation.ts';

/** The port's filter and its network, in the order in which a host makes them. */
export function portPlan(host: string, port: { id: string; networkId: string }): PlanKey[] {
  return [
    { host, key: `network/${port.networkId}` },
    { host, key: `port/${port.id}` },
  ];
}
