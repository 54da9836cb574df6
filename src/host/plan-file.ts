// The last plan on disk, so that a host comes back after a reboot even with no control plane in reach.

import { readFileSync } from 'node:fs';
import type { Plan } from '#/host/plan.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';

export interface PlanFile {
  load(): Plan | null;
  save(plan: Plan): void;
}

/** A file that only its owner reads: plans hold secrets. */
export function planFile(path: string): PlanFile {
  return {
    load() {
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as Plan;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    save(plan) {
      writeWholeSync(path, JSON.stringify(plan));
    },
  };
}

/** For hosts that nobody reboots: simulated ones. */
export function memoryPlanFile(): PlanFile {
  let last: Plan | null = null;
  return { load: () => last, save: plan => void (last = plan) };
}
