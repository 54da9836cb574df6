// Keeps the host's filters in the kernel: one atomic nft script, then an end to the flows that it no longer allows.

import { join } from 'node:path';
import { writeWhole } from '#/platform/files/write-whole.ts';
import type { Filters } from '../network-driver.ts';
import { compileFilters, signatureOf } from './filters.compile.ts';
import { endedFlows, type EndedFlows } from './flows.ts';
import { type Host, readIfThere } from './host.ts';
import { groupsTable, portsTable } from './names.ts';

export interface FilterKeeper {
  restore(): Promise<void>;
  ensure(filters: Filters): Promise<void>;
  /** Whether a tap is judged by the filters in the kernel. */
  holds(tap: string): boolean;
}

const none: Filters = { networks: [], ports: [], groups: [] };

export function filterKeeper(host: Host): FilterKeeper {
  const file = join(host.directory, 'filters.json');
  /** The filters whose flows are settled; they outlive the agent in a file. */
  let settled: Filters = none;
  let taps = new Set<string>();

  /** Whether the kernel has exactly this script in both tables. */
  async function isLoaded(script: string): Promise<boolean> {
    const signature = signatureOf(script);
    for (const [family, table] of [
      ['bridge', portsTable(host.cloud)],
      ['inet', groupsTable(host.cloud)],
    ] as const) {
      const ask: [string, ...string[]] = signature
        ? ['nft', '-t', 'list', 'chain', family, table, signature]
        : ['nft', '-t', 'list', 'table', family, table];
      const { status } = await host.tools.run(ask, { allow: [1] });
      if ((status === 0) !== (signature !== null)) return false;
    }
    return true;
  }

  return {
    async restore() {
      const text = await readIfThere(file);
      settled = text === null ? none : readFilters(text);
      taps = new Set();
    },
    async ensure(filters) {
      const script = compileFilters(filters, host.cloud);
      if (!(await isLoaded(script))) await host.tools.run(['nft', '-f', '-'], { input: script, timeoutMs: 60_000 });
      taps = new Set(filters.ports.map(port => port.tap));
      const text = JSON.stringify(filters);
      if (text === JSON.stringify(settled)) return;
      for (const flows of endedFlows(settled, filters, host.cloud)) await endFlows(host, flows);
      await writeWhole(file, text);
      settled = filters;
    },
    holds: tap => taps.has(tap),
  };
}

/** A file that cannot be read counts as none: its flows are then judged by what comes after. */
function readFilters(text: string): Filters {
  try {
    return JSON.parse(text) as Filters;
  } catch {
    return none;
  }
}

async function endFlows(host: Host, { zone, address }: EndedFlows): Promise<void> {
  const families = address === null ? ['ipv4', 'ipv6'] : [address.includes(':') ? 'ipv6' : 'ipv4'];
  // Status 1 is "no such flow".
  for (const family of families)
    for (const ends of address === null
      ? [[]]
      : [
          ['-s', address],
          ['-d', address],
        ])
      await host.tools.run(['conntrack', '-D', '-f', family, '-w', String(zone), ...ends], { allow: [1] });
}
