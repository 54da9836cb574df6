// The parts of the program that commands start, loaded only then, and what the command line expects of them.

import type { Config } from '#/platform/config/config.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Run } from '#/platform/process/run.ts';

export interface Cloud {
  startCloud(options: {
    config: Config;
    dataDirectory: string;
    log: Logger;
  }): Promise<{ address: string; close(): Promise<void> }>;
}

export interface Host {
  startAgent(options: {
    config: Config;
    dataDirectory: string;
    log: Logger;
    guestUser: { uid: number; gid: number };
  }): Promise<{ close(): Promise<void> }>;
  /** Removes every guest, namespace, bridge and filter of this data directory's cloud. */
  destroyHost(options: {
    config: Config;
    dataDirectory: string;
    log: Logger;
    guestUser: { uid: number; gid: number };
  }): Promise<void>;
}

export interface GuestImages {
  buildTinyImage(options: {
    directory: string;
    run: Run;
    log: Logger;
    progress?: (fraction: number, what: string) => void;
  }): Promise<void>;
}

const modules = { cloud: '#/cloud.ts', host: '#/host/main.ts', guestImage: '#/guest-image/index.ts' };

export async function loadCloud(): Promise<Cloud> {
  return (await import(modules.cloud)) as Cloud;
}

export async function loadHost(): Promise<Host> {
  return (await import(modules.host)) as Host;
}

export async function loadGuestImages(): Promise<GuestImages> {
  return (await import(modules.guestImage)) as GuestImages;
}
