// Where everything lies in the data directory, and who may touch it.

import { join } from 'node:path';

export interface DataPaths {
  root: string;
  /** haneul.yaml: the configuration (0640, the control plane reads it). */
  config: string;
  /** The control plane's own (0700): database, keys, image files. */
  control: string;
  /** The agent's own (0711, root): guests, disks, its last plan. */
  host: string;
  /** Written by the control plane (0700, its user): sockets and what it tells the command line. */
  run: string;
  /** The bus between control plane and agents. */
  busSocket: string;
  /** Written by the control plane when it answers: `{ "url": "http://…", "pid": 1234 }`. */
  ready: string;
  /** Written by the control plane at its first start (0600): `{ "username", "password", "project", "domain" }`. */
  credentials: string;
  /** Pid files (0700, the one who runs `up`): the control plane cannot change whom `down` stops. */
  supervisor: string;
  log: string;
  /** Guest images built by `up`, for the control plane to take in (0755). */
  guestImages: string;
  /** Compiled code (0700, the control plane's user). */
  cache: string;
  cloudsYaml: string;
  openrc: string;
  /** Says that this directory is ours; `destroy` removes nothing without it. */
  marker: string;
}

export function dataPaths(root: string): DataPaths {
  const at = (...names: string[]): string => join(root, ...names);
  return {
    root,
    config: at('haneul.yaml'),
    control: at('control'),
    host: at('host'),
    run: at('run'),
    busSocket: at('run', 'bus.sock'),
    ready: at('run', 'ready.json'),
    credentials: at('run', 'credentials.json'),
    supervisor: at('supervisor'),
    log: at('log'),
    guestImages: at('guest-images'),
    cache: at('cache'),
    cloudsYaml: at('clouds.yaml'),
    openrc: at('openrc'),
    marker: at('.haneul'),
  };
}
