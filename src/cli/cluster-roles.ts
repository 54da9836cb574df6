// What a machine of a cluster has, as its configuration tells.

import type { Config } from '#/platform/config/config.ts';

type Settings = Pick<Config, 'clusterAddress' | 'clusterServers' | 'busServers'>;

/** Whether this machine has the cluster's authority, and runs its bus unless the operator has one. */
export function isFirstMachine(config: Settings): boolean {
  return config.clusterAddress !== null && config.clusterServers.length === 0;
}

/** Whether `up` runs a NATS server here. */
export function runsBus(config: Settings): boolean {
  return isFirstMachine(config) && config.busServers.length === 0;
}
