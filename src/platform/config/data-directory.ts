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
  /** Written by the control plane when it answers: `{ "url": "http://…", "pid": 1234 }`, and the file of an HTTPS certificate. */
  ready: string;
  /** Written by the control plane at its first start (0600): `{ "username", "password", "project", "domain" }`. */
  credentials: string;
  /** The control plane's in a cluster (0700): the authority, and the certificates of this machine's control plane. */
  cluster: string;
  /** The agent's in a cluster (0700, root): the certificate by which the bus and the control plane know it. */
  machine: string;
  /** The NATS server's (0750, its group reads): certificate and configuration. */
  bus: string;
  /** Who may speak on the bus, as the control plane says. */
  busMembers: string;
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
    cluster: at('control', 'cluster'),
    machine: at('host', 'cluster'),
    bus: at('bus'),
    busMembers: at('run', 'bus-members.json'),
    supervisor: at('supervisor'),
    log: at('log'),
    guestImages: at('guest-images'),
    cache: at('cache'),
    cloudsYaml: at('clouds.yaml'),
    openrc: at('openrc'),
    marker: at('.haneul'),
  };
}
