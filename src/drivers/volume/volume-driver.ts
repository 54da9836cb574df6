// Disks: block devices that live on a host and are served to guests.

/** Where a disk's first content comes from. Absent: it reads zero. */
export type DiskSource =
  | { image: `image/${string}` } // an entry of the same plan
  | { disk: Disk['key'] }
  | { snapshot: string; disk: Disk['key'] };

export interface Disk {
  key: `volume/${string}`;
  sizeGib: number;
  source?: DiskSource;
  /** Must be served to guests while true; becomes `DiskFacts.connection`. */
  exported: boolean;
  /** Counts up when somebody's way to it is taken back: all who are connected are cut off before it is served on. */
  epoch: number;
  /** Agents of other hosts that show one of these reach it for their guests. */
  tickets: string[];
  /** Snapshots that must exist; others of this disk are removed. */
  snapshots: string[];
}

/** How a guest reaches a disk: what the volume driver says and the hypervisor driver understands. */
export type Connection =
  | { kind: 'nbd-unix'; path: string; export: string }
  /** Another host's agent joins whoever shows the ticket to the disk's server; null where the hosts are one machine. */
  | { kind: 'nbd-host'; host: string; address: string | null; ticket: string; export: string }
  | { kind: 'simulated'; id: string };

/** The name under which every disk is served. */
export const exportName = 'disk';

export interface DiskFacts {
  connection?: Connection;
  /** Bytes really used on the host. */
  usedBytes: number;
}

export interface VolumeCapacity {
  totalGib: number;
  freeGib: number;
}

/** Keeps disks on one host. Ensuring what exists, or removing what is gone, succeeds. */
export interface VolumeDriver {
  list(): Promise<Disk['key'][]>;
  /**
   * Makes the disk exist with at least this size (it grows, never shrinks), and with these snapshots and export.
   * @throws Problem unavailable when the host has no room
   */
  ensure(disk: Disk, images: (key: `image/${string}`) => { path: string; format: 'raw' | 'qcow2' }): Promise<DiskFacts>;
  remove(key: Disk['key']): Promise<void>;
  capacity(): Promise<VolumeCapacity>;
  /** Takes up exports that outlived the agent and starts those that did not. Called once, before the first `ensure`. */
  restore(): Promise<void>;
  /** Lets go: what is served goes on being served, but nobody looks after it. */
  close?(): Promise<void>;
}
