// What the operator decides about networks.

import { setting } from '#/platform/database/setting.ts';
import { defaultQuotas, type Quotas } from '#/services/network/quotas/quota.rules.ts';

export interface NetworkSettings {
  /** How many DHCP servers a network has, where there are as many hosts. */
  dhcpAgentsPerNetwork: number;
  /** Whether routers are highly available when nobody says otherwise. */
  l3Ha: boolean;
  /** How many hosts hold a highly available router. */
  l3HaAgents: number;
  /** The largest packet between hosts, in bytes. */
  underlayMtu: number;
  /** Of projects that have none of their own; -1 is unlimited. */
  quotas: Quotas;
}

export const defaultSettings: NetworkSettings = {
  dhcpAgentsPerNetwork: 2,
  l3Ha: false,
  l3HaAgents: 2,
  underlayMtu: 1500,
  quotas: defaultQuotas,
};

export const networkSettings = setting<NetworkSettings>('network');
