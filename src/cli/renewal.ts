// Certificates of this machine renew themselves, months before they end. The supervisor looks, for it has root and lives long;
// who uses the files reads them again.

import { existsSync } from 'node:fs';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import type { Logger } from '#/platform/log/log.ts';
import { isDue, nextFilesIn } from './certificate-end.ts';
import type { SystemUser } from './users.ts';

/** A cloud that does not answer is asked again then. */
const lookMs = 3_600_000;

export interface RenewalOptions {
  config: Config;
  paths: DataPaths;
  /** Whom the control plane and the bus run as, where they do. */
  users: { control: SystemUser | null; bus: SystemUser | null };
  clock: Clock;
  log: Logger;
}

/** Looks now and every hour. What a power cut interrupted is finished before it returns. @returns how to stop */
export async function keepCertificates(options: RenewalOptions): Promise<() => void> {
  const { paths, clock, log } = options;
  const directories = [paths.machine, paths.cluster, paths.bus];
  let timer: Timer | null = null;
  let stopped = false;
  if (directories.some(directory => Object.values(nextFilesIn(directory)).some(file => existsSync(file))))
    (await import('./renew.ts')).finishAll(options);
  async function look(): Promise<void> {
    try {
      if (directories.some(isDue)) await (await import('./renew.ts')).renew(options);
    } catch (err) {
      log.warn({ err }, 'the certificates of this machine were not renewed');
    }
    if (!stopped) timer = clock.after(lookMs, () => void look());
  }
  void look();
  return () => {
    stopped = true;
    timer?.cancel();
  };
}
