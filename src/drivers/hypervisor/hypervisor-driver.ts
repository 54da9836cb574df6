// Guests: the machines that a host runs, and the images that their disks start from.

import type { Connection } from '#/drivers/volume/volume-driver.ts';

/** An image that must be on the host, in a form that the hypervisor opens directly, never written to again. */
export interface BaseImage {
  key: `image/${string}`;
  /** `aki` and `ari` are a kernel and a ramdisk; they are kept as they are. */
  format: 'raw' | 'qcow2' | 'aki' | 'ari' | 'ami' | 'vmdk' | 'vdi' | 'vhd' | 'iso';
  sha512: string;
  sizeBytes: number;
  source: { kind: 'file'; path: string } | { kind: 'simulated' };
}

export interface GuestDisk {
  volumeId: string;
  /** `vdb`; the order on the bus follows it. */
  device: string;
  connection: Connection;
  bootIndex: number | null;
  readOnly: boolean;
}

export interface GuestNic {
  portId: string;
  /** The interface that the network driver plugs: `tap` + first 11 characters of the port id. */
  tap: string;
  mac: string;
  mtu: number;
  model: 'virtio' | 'e1000' | 'rtl8139' | 'e1000e';
}

/** What the metadata service and the config drive tell a guest. Texts are complete documents. */
export interface InstanceData {
  /** `openstack/latest/meta_data.json` as an object; older versions are cut from it. */
  metaData: Record<string, unknown>;
  networkData: Record<string, unknown>;
  vendorData: Record<string, unknown>;
  /** Base64, absent where the user gave none. */
  userData?: string;
  /** EC2 names → value or subtree: `ec2['instance-id']`, `ec2['block-device-mapping']['root']`. */
  ec2: Record<string, unknown>;
  /** Injected files (personality): absolute path in the guest → base64. Config drive only. */
  files: { path: string; contents: string }[];
}

export interface Guest {
  key: `server/${string}`;
  serverId: string;
  projectId: string;
  /** `instance-0000000a`: what the hypervisor shows. */
  name: string;
  vcpus: number;
  memoryMib: number;
  power: 'running' | 'stopped' | 'paused';
  /**
   * Counts the wanted starts. A guest that exited by itself is not started again under the same number;
   * after a reboot of the host it is.
   */
  boot: number;
  /** The disk that the hypervisor keeps itself; null where the guest boots from a volume. */
  root: { image: BaseImage['key'] | null; sizeGib: number } | null;
  /** Counts rebuilds: a higher number makes the root disk anew from its image. */
  rootGeneration: number;
  ephemeralGib: number[];
  swapMib: number;
  /** Direct boot of a kernel and ramdisk (`kernel_id`, `ramdisk_id` of the image). */
  kernel: { kernel: BaseImage['key']; ramdisk: BaseImage['key'] | null; commandLine: string } | null;
  disks: GuestDisk[];
  nics: GuestNic[];
  configDrive: boolean;
  instanceData: InstanceData;
  /** Image properties that shape the machine. */
  hardware: {
    machine: 'pc' | 'q35';
    diskBus: 'virtio' | 'scsi' | 'ide';
    cdromBus: 'ide' | 'scsi' | 'virtio';
    video: 'vga' | 'virtio' | 'none';
    guestAgent: boolean;
    firmware: 'bios' | 'uefi';
    rng: boolean;
  };
  /** While it is on its way to another host or another size. */
  move?: GuestMove;
}

/** Where another host's agent takes connections for guests that move. */
export interface Peer {
  host: string;
  /** Null where the hosts are one machine. */
  address: string | null;
}

/** What a waiting process must have alike, or the guest's state does not fit it. */
export interface GuestLayout {
  /** Device → where it sits on its bus: `{ bus: 'pci.0', addr: '0x7' }`. */
  places: Record<string, Record<string, unknown>>;
  /** Local disk → its size in bytes. */
  disks: Record<string, number>;
}

/**
 * What a host must do for a guest that moves. `id` is the migration's; hosts show one another its `ticket`.
 * The guest runs where no entry says `send`, `take`, `leave` or `arrive`: control planes give that to one host at most.
 */
export type GuestMove = { id: string } & (
  | {
      /** Its local disks as they were when this was first asked stay beside those in use; `back`: they are used again. */
      kind: 'keep';
      back: boolean;
    }
  /** It stands still, and `to` may copy its local disks. */
  | { kind: 'send'; ticket: string; to: string }
  /** Its local disks are to be as they are on another host; it stands still. */
  | { kind: 'take'; ticket: string; from: Peer }
  /** It may be sent to `to` as it runs. Its host neither starts it nor lets it go on when it stands still. */
  | { kind: 'leave'; ticket: string; to: Peer }
  /** It is to come as it runs: a process waits for it and does not let it run. */
  | { kind: 'arrive'; ticket: string; from: Peer; layout: GuestLayout }
);

/** How far the sending of a running guest is. */
export interface Sending {
  /**
   * `ready`: it stands still, all but its last state is there. `handed-over`: all is there, it stands still on both.
   * `failed`: it is as if nothing had been begun.
   */
  phase: 'none' | 'sending' | 'ready' | 'handed-over' | 'failed';
  reason?: string;
  /** Bytes. */
  memory: { total: number; processed: number; remaining: number };
  disk: { total: number; processed: number; remaining: number };
}

/** begin and hand-over may be asked again; cancel ends it and lets the guest run on. hurry: the guest is slowed down. */
export type SendingAct = 'look' | 'begin' | 'hurry' | 'hand-over' | 'cancel';

export interface GuestFacts {
  power: 'running' | 'stopped' | 'paused' | 'crashed';
  accelerator: 'kvm' | 'tcg' | 'simulated';
  /** The boot number that runs, or that ran last. */
  boot: number;
  /** Set when the guest ended by itself: one sentence. */
  exitReason?: string;
  /** Of a guest that leaves. */
  layout?: GuestLayout;
}

export interface HypervisorCapabilities {
  type: 'QEMU' | 'KVM' | 'simulated';
  /** QEMU's 7.2.0 is 7002000, as Nova counts. */
  version: number;
  accelerator: 'kvm' | 'tcg' | 'simulated';
  /** Why KVM is not used, where it is not. */
  kvmProblem?: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  cpuModel: string;
  architecture: string;
}

/** A guest's root disk as it was at one moment, flat: it needs no other file. */
export interface DiskCopy {
  format: 'qcow2' | 'raw';
  sizeBytes: number;
  /** `file`: in a directory that guest processes can write to; it counts only as a plain file of user `uid`. */
  content: { kind: 'file'; path: string; uid: number } | { kind: 'simulated' };
}

export interface GuestExit {
  serverId: string;
  boot: number;
  /** One sentence: why the guest is no longer there. `shutdown` when the guest powered itself off. */
  reason: string;
  kind: 'shutdown' | 'crash';
}

/** Runs guests on one host. Ensuring what is so, or removing what is gone, succeeds. Guests outlive the driver. */
export interface HypervisorDriver {
  capabilities(): Promise<HypervisorCapabilities>;
  /** Guests and images that the host holds, running or not, ours only. */
  list(): Promise<{ guests: Guest['key'][]; images: BaseImage['key'][] }>;
  /** Takes up the guests that outlived the agent. Called once, before the first `ensure`. */
  restore(): Promise<void>;
  /** Makes the image's bytes present and checked. @throws Problem invalid when they are not what the entry says */
  ensureImage(image: BaseImage): Promise<{ path: string; format: 'raw' | 'qcow2'; virtualSizeBytes: number }>;
  removeImage(key: BaseImage['key']): Promise<void>;
  /**
   * Makes the guest be as the entry says: built, started, stopped (asks the guest first, then pulls the plug after
   * `shutdownTimeoutMs`), disks and NICs plugged or unplugged while it runs.
   */
  ensureGuest(guest: Guest): Promise<GuestFacts>;
  /** Ends the guest and removes its files. */
  removeGuest(key: Guest['key']): Promise<void>;
  /** Soft: asks the guest and falls back to a reset when it does not react. Hard: a new process, same disks. */
  reboot(guest: Guest, kind: 'soft' | 'hard'): Promise<void>;
  /**
   * Moves the sending of a guest whose entry says `leave` on, and says how far it is.
   * @throws Problem conflict when its entry says no such thing, unsupported where guests cannot be sent
   */
  sendGuest(guest: Guest, act: SendingAct): Promise<Sending>;
  /**
   * Copies the root disk, also under a guest that runs, and keeps the copy until it is dropped or another is made. Asked
   * again with the same id, it answers what is there. @throws Problem conflict without a root disk, unavailable (no room)
   */
  copyDisk(guest: Guest, id: string): Promise<DiskCopy>;
  /** Removes a copy, or what was made of it. */
  dropDiskCopy(key: Guest['key'], id: string): Promise<void>;
  /** The last `lines` lines of the serial console, or all that is kept (a ring of at least 100 KiB). */
  consoleLog(key: Guest['key'], lines: number | null): Promise<string>;
  /** The unix socket on which the guest's screen (RFB) or serial line answers. @throws Problem conflict when it does not run */
  consoleSocket(key: Guest['key'], kind: 'vnc' | 'serial'): Promise<string>;
  /** Counters for diagnostics; keys as Nova's diagnostics. */
  diagnostics(key: Guest['key']): Promise<Record<string, unknown>>;
  /** Called when a guest ends by itself; also right after `restore` for those that ended while nobody watched. */
  onExit(listener: (exit: GuestExit) => void): void;
  /** Lets go of everything without touching the guests. */
  close(): Promise<void>;
}
