// The last plan on disk, so that a host comes back after a reboot even with no control plane in reach.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Plan } from '#/host/plan.ts';

export interface PlanFile {
  load(): Plan | null;
  save(plan: Plan): void;
}

/** A file that is replaced whole: written aside, synced, renamed, and its directory synced. Mode 0600: plans hold secrets. */
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
      const aside = `${path}.new`;
      const file = openSync(aside, 'w', 0o600);
      writeSync(file, JSON.stringify(plan));
      fsyncSync(file);
      closeSync(file);
      renameSync(aside, path);
      const directory = openSync(dirname(path), 'r');
      fsyncSync(directory);
      closeSync(directory);
    },
  };
}

/** For hosts that nobody reboots: simulated ones. */
export function memoryPlanFile(): PlanFile {
  let last: Plan | null = null;
  return { load: () => last, save: plan => void (last = plan) };
}
