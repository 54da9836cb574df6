// Networks of a simulated host: the entries as they were ensured, and the rules of order that a real host has.

import type { HostPort, NetworkDriver } from '#/drivers/network/network-driver.ts';
import type { PlacedEntry, SimulatedMachine } from '#/drivers/simulated-host.ts';
import { simulatedTexts } from '#/drivers/simulated-texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface SimulatedNetworkOptions {
  tools: Tools;
  host: SimulatedMachine;
  /** Its end of the tunnels to other hosts. Default null. */
  tunnelAddress?: string | null;
  /** How long a new or changed entry takes. Default 0. */
  delayMs?: number;
}

/**
 * Keeps the networks of a simulated host. Calls in `host.faults`: `network.list`, `.restore`, `.ensureFilters`,
 * `.ensure`, `.remove`, `.counters`.
 */
export function simulatedNetwork({
  tools,
  host,
  tunnelAddress = null,
  delayMs = 0,
}: SimulatedNetworkOptions): NetworkDriver {
  const gate = host.gate(tools.clock);
  let tellState: Parameters<NetworkDriver['onRouterState']>[0] | null = null;
  return {
    capabilities: async () => ({ tunnelAddress, externalInterface: false }),
    list: () => gate('network.list', 0, () => [...host.network.keys()]),
    restore: () => gate('network.restore', 0, () => {}),
    ensureFilters: filters =>
      gate('network.ensureFilters', 0, () => {
        host.filters = structuredClone(filters);
      }),
    ensure: entry =>
      gate('network.ensure', host.network.has(entry.key) ? 0 : delayMs, () => {
        for (const networkId of networksOf(entry)) {
          const needs = `network/${networkId}` as const;
          if (!host.network.has(needs))
            throw new Problem('unavailable', simulatedTexts.missing, { key: entry.key, needs });
        }
        if (isPort(entry) && !host.filters?.ports.some(port => port.key === entry.key))
          throw new Problem('conflict', simulatedTexts.noFilter, { key: entry.key });
        const isNew = !host.network.has(entry.key);
        host.network.set(entry.key, structuredClone(entry));
        // Hosts do not hear one another in a simulated network: the last that came works.
        if (isNew && 'routerId' in entry && entry.ha) tellState?.(entry.routerId, 'active');
      }),
    remove: key => gate('network.remove', 0, () => void host.network.delete(key)),
    onMetadata(handler) {
      host.metadata = handler;
    },
    onRouterState(listener) {
      tellState = listener;
    },
    onFailure() {}, // nothing in a simulated network dies by itself
    counters: portId =>
      gate('network.counters', 0, () => {
        const needs = `port/${portId}` as const;
        if (!host.network.has(needs)) throw new Problem('notFound', simulatedTexts.missing, { key: 'counters', needs });
        return {
          rx_bytes: 0,
          rx_packets: 0,
          rx_errors: 0,
          rx_dropped: 0,
          tx_bytes: 0,
          tx_packets: 0,
          tx_errors: 0,
          tx_dropped: 0,
        };
      }),
    async close() {},
  };
}

function isPort(entry: PlacedEntry): entry is HostPort {
  return entry.key.startsWith('port/');
}

function networksOf(entry: PlacedEntry): string[] {
  if ('routerId' in entry)
    return [...entry.interfaces, ...(entry.gateway ? [entry.gateway] : []), ...(entry.ha ? [entry.ha.port] : [])].map(
      port => port.networkId,
    );
  return entry.key.startsWith('network/') ? [] : [entry.networkId];
}
