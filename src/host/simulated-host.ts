// A host that exists only in memory: the real agent over simulated drivers.

import { simulatedHypervisor } from '#/drivers/hypervisor/simulated/simulated-hypervisor.ts';
import { simulatedNetwork } from '#/drivers/network/simulated/simulated-network.ts';
import type { SimulatedMachine } from '#/drivers/simulated-host.ts';
import { simulatedVolume } from '#/drivers/volume/simulated/simulated-volume.ts';
import type { HostDrivers } from '#/host/host-drivers.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';

/** What a simulated host has: 64 processors, 256 GiB of memory, 4 TiB of disk. */
const size = { vcpus: 64, memoryMib: 262_144, diskGib: 4_096 };

export function simulatedDrivers({
  machine,
  tunnelAddress = null,
  clock,
  random,
  log,
}: {
  machine: SimulatedMachine;
  tunnelAddress?: string | null;
  clock: Clock;
  random: Random;
  log: Logger;
}): HostDrivers {
  const run = (): never => {
    throw new Error('a simulated host has no tools');
  };
  const tools = { run, clock, random, log };
  return {
    hypervisor: simulatedHypervisor({ tools, host: machine, ...size }),
    network: simulatedNetwork({ tools, host: machine, tunnelAddress }),
    volume: simulatedVolume({ tools, host: machine, totalGib: size.diskGib }),
  };
}
