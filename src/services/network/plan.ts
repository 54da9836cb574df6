// The network part of a host's plan.

import { planNetworks } from '#/services/network/networks/network.plan.ts';
import { type PlanRows, readPlanRows } from '#/services/network/plan-rows.ts';
import { planDhcp } from '#/services/network/ports/dhcp.plan.ts';
import { planPorts } from '#/services/network/ports/port.plan.ts';
import { planRouters } from '#/services/network/routers/router.plan.ts';
import { planGroups } from '#/services/network/security-groups/security-group.plan.ts';
import type { NetworkEntry } from '#/drivers/network/network-driver.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { ServerKey } from '#/platform/http/service.ts';

export async function planHostNetworks(tx: Tx, host: string, only?: ServerKey[]): Promise<NetworkEntry[]> {
  return only ? [] : compilePlan(await readPlanRows(tx, host));
}

/** Pure: the same rows give the same entries. */
export function compilePlan(rows: PlanRows): NetworkEntry[] {
  return [...planNetworks(rows), ...planGroups(rows), ...planDhcp(rows), ...planPorts(rows), ...planRouters(rows)];
}
