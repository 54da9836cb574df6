// Where the driver keeps what on disk. Every name comes from an id that is checked to be a UUID.
//
//   images/<image id>            base images, root's, 0444; <image id>.json says what they are
//   guests/<server id>/          root's, 0711: a guest process passes through, and changes nothing
//     state.json qemu.log console.old        root's
//     v…                                     sockets to volumes of other hosts
//     console.log config.iso                 the guest user's
//     run/                       the guest user's, 0700: sockets and disks
// The agent (root) never creates or replaces a file in a directory that guest processes can write to.

import { join } from 'node:path';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A unix socket's path has at most 107 characters; this is what is left of them for our directory. */
export const longestDirectory = 107 - '/guests/00000000-0000-0000-0000-000000000000/run/serial.sock'.length;

export const diskCopyPrefix = 'copy-';

export interface GuestPaths {
  directory: string;
  state: string;
  log: string;
  console: string;
  consoleOld: string;
  configDrive: string;
  run: string;
  qmp: string;
  serial: string;
  vnc: string;
  agent: string;
  /** The socket of a volume that another host has. */
  distantVolume(volumeId: string): string;
  root: string;
  swap: string;
  firmwareVariables: string;
  ephemeral(index: number): string;
  /** Disks as they were before a resize. */
  kept: string;
  /** Sockets on which a process waits for a guest. */
  incomingMemory: string;
  incomingDisks: string;
  /** A copy of the root disk; `.part` until it is whole. */
  diskCopy(id: string): string;
}

export function isUuid(id: string): boolean {
  return uuid.test(id);
}

/** The id in `server/<id>` or `image/<id>`. @throws Problem invalid */
export function idOf(kind: 'server' | 'image', key: string): string {
  const id = key.slice(kind.length + 1);
  if (!key.startsWith(`${kind}/`) || !isUuid(id)) throw new Problem('invalid', hypervisorTexts.badKey, { key, kind });
  return id;
}

export function guestPaths(directory: string, serverId: string): GuestPaths {
  const guest = join(directory, 'guests', serverId);
  const run = join(guest, 'run');
  return {
    directory: guest,
    state: join(guest, 'state.json'),
    log: join(guest, 'qemu.log'),
    console: join(guest, 'console.log'),
    consoleOld: join(guest, 'console.old'),
    configDrive: join(guest, 'config.iso'),
    run,
    qmp: join(run, 'qmp.sock'),
    serial: join(run, 'serial.sock'),
    vnc: join(run, 'vnc.sock'),
    agent: join(run, 'agent.sock'),
    // As long as the longest that `longestDirectory` leaves room for.
    distantVolume: volumeId => join(guest, `v${volumeId.replaceAll('-', '').slice(0, 14)}`),
    root: join(run, 'root.qcow2'),
    swap: join(run, 'swap.qcow2'),
    firmwareVariables: join(run, 'efivars.fd'),
    kept: join(run, 'kept'),
    incomingMemory: join(run, 'in-m.sock'),
    incomingDisks: join(run, 'in-d.sock'),
    diskCopy: id => join(run, `${diskCopyPrefix}${id}.qcow2`),
    ephemeral: index => join(run, `ephemeral${index}.qcow2`),
  };
}
