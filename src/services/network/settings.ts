// What the operator decides about networks, carried to every transaction by its context.

import { contextOf, type Tx } from '#/platform/database/tx.ts';

export interface NetworkSettings {
  /** How many DHCP servers a network has, where there are as many hosts. */
  dhcpAgentsPerNetwork: number;
  /** Whether routers are highly available when nobody says otherwise. */
  l3Ha: boolean;
  /** How many hosts hold a highly available router. */
  l3HaAgents: number;
  /** The largest packet between hosts, in bytes. */
  underlayMtu: number;
}

export const defaultSettings: NetworkSettings = {
  dhcpAgentsPerNetwork: 2,
  l3Ha: false,
  l3HaAgents: 2,
  underlayMtu: 1500,
};

const slot = Symbol('network-settings');

export function setSettings(tx: Tx, settings: NetworkSettings): void {
  contextOf(tx).slots.set(slot, settings);
}

export function settingsOf(tx: Tx): NetworkSettings {
  return (contextOf(tx).slots.get(slot) as NetworkSettings | undefined) ?? defaultSettings;
}
