// The QEMU command line of a guest: entry in, arguments out. Pure; golden-file tested.
// Devices are JSON, so no name or path can smuggle in an option. Ids say what a device is
// (`disk-<volume id>`, `nic-<port id>`), so QEMU itself tells later what is plugged.

import type { Guest, GuestDisk, GuestLayout, GuestNic } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { GuestPaths } from './paths.ts';

export type Accelerator = 'kvm' | 'tcg';
/** The processor that guests see. */
export const cpuModel = { kvm: 'host', tcg: 'max' } as const;
/** Where on a bus a device sits. */
export type Place = { bus: string; addr?: string; unit?: number; 'scsi-id'?: number };

export interface LaunchFacts {
  paths: GuestPaths;
  accelerator: Accelerator;
  /** The root image is an installation medium: the root disk is shown as a CD drive. */
  rootIsCdrom: boolean;
  kernel: { kernel: string; ramdisk: string | null } | null;
  /** Read-only UEFI code; its variables are `paths.firmwareVariables`. */
  firmware: string | null;
  /** Ephemeral disks that exist. */
  ephemeral: number;
  swap: boolean;
  /** The process waits for a guest whose devices are there. */
  incoming?: GuestLayout['places'];
}

/** Disks, ports and a CD drive that a machine takes: PCI slots 7 to 31 of `pc`, 24 root ports of `q35`. */
export const slotLimit = { pc: 25, q35: 24 } as const;
/**
 * How long requests wait for a storage daemon that restarts; then they fail. Not longer: all of QEMU waits when
 * such a volume is closed. Failures are the guest's to handle: a paused guest could not let go of the volume.
 */
export const reconnectDelaySeconds = 15;
/** The same for a volume of another host: two agents and a network are in between, and a machine may start anew. */
export const distantReconnectDelaySeconds = 60;
const firstSlot = 7;
const portsPerSlot = 8;

/** What cloud-init knows an OpenStack guest by. */
const smbios = 'type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=27.0.0,family=Virtual Machine';

const rngSource = { 'qom-type': 'rng-random', id: 'rng0', filename: '/dev/urandom' };

/** The index-th pluggable PCI place. */
export function pciPlace(machine: Guest['hardware']['machine'], index: number): Place {
  if (machine === 'pc') return { bus: 'pci.0', addr: `0x${(firstSlot + index).toString(16)}` };
  return { bus: `port${index}`, addr: '0x0' };
}

/** Block nodes have at most 31 characters. */
export const nodeOf = (volumeId: string): string => `v${volumeId.replaceAll('-', '').slice(0, 30)}`;
export const diskDevice = (volumeId: string): string => `disk-${volumeId}`;
export const nicDevice = (portId: string): string => `nic-${portId}`;
export const netdevOf = (portId: string): string => `net-${portId}`;

/** The block node of a volume, for the command line and for `blockdev-add`. @throws Problem unsupported */
export function volumeNode(disk: GuestDisk, paths: GuestPaths): Record<string, unknown> {
  const { volumeId, connection } = disk;
  if (connection.kind === 'simulated')
    throw new Problem('unsupported', hypervisorTexts.foreignConnection, { volume: volumeId, kind: connection.kind });
  const here = connection.kind === 'nbd-unix';
  return {
    driver: 'raw',
    'node-name': nodeOf(disk.volumeId),
    'read-only': disk.readOnly,
    discard: 'unmap',
    file: {
      driver: 'nbd',
      server: { type: 'unix', path: here ? connection.path : paths.distantVolume(volumeId) },
      export: connection.export,
      'reconnect-delay': here ? reconnectDelaySeconds : distantReconnectDelaySeconds,
      'open-timeout': 10,
      'read-only': disk.readOnly,
      discard: 'unmap',
    },
  };
}

/** The device of a disk on a bus. */
export function diskFrontend(
  bus: Guest['hardware']['diskBus'],
  at: {
    id: string;
    node: string;
    place: Place;
    serial?: string;
    bootindex?: number;
    cdrom?: boolean;
  },
): Record<string, unknown> {
  const common = { id: at.id, drive: at.node, serial: at.serial, bootindex: at.bootindex, ...at.place };
  if (bus === 'virtio') return { driver: 'virtio-blk-pci', ...common };
  if (bus === 'scsi') return { driver: at.cdrom ? 'scsi-cd' : 'scsi-hd', ...common };
  return { driver: at.cdrom ? 'ide-cd' : 'ide-hd', ...common };
}

export function netdev(nic: GuestNic): Record<string, unknown> {
  return { type: 'tap', id: netdevOf(nic.portId), ifname: nic.tap, script: 'no', downscript: 'no' };
}

export function nicFrontend(nic: GuestNic, place: Place): Record<string, unknown> {
  const common = { id: nicDevice(nic.portId), netdev: netdevOf(nic.portId), mac: nic.mac, romfile: '', ...place };
  if (nic.model === 'virtio') return { driver: 'virtio-net-pci', ...common, host_mtu: nic.mtu };
  return { driver: nic.model, ...common };
}

/** Volumes in the order that the guest shall see them: vdb, vdc, … vdz, vdaa. */
export function inDeviceOrder(disks: GuestDisk[]): GuestDisk[] {
  return [...disks].sort((a, b) => a.device.length - b.device.length || (a.device < b.device ? -1 : 1));
}

/** Arguments after `qemu-system-x86_64`. The guest starts paused. @throws Problem invalid, conflict */
export function commandLine(guest: Guest, facts: LaunchFacts): string[] {
  const { hardware } = guest;
  const { paths } = facts;
  const q35 = hardware.machine === 'q35';
  const bus = q35 ? 'pcie.0' : 'pci.0';
  const blockdevs: Record<string, unknown>[] = [];
  const devices: Record<string, unknown>[] = [];
  const netdevs: Record<string, unknown>[] = [];
  const places = placer(guest, facts.incoming ?? {});
  const fixed = (addr: number): Place => ({ bus, addr: `0x${addr.toString(16)}` });

  if (q35) for (let port = 0; port < slotLimit.q35; port++) devices.push(rootPort(port));
  if (hardware.video === 'vga') devices.push({ driver: 'VGA', id: 'video', ...fixed(2) });
  if (hardware.video === 'virtio') devices.push({ driver: 'virtio-vga', id: 'video', ...fixed(2) });
  devices.push({ driver: 'virtio-balloon-pci', id: 'balloon', ...fixed(3) });
  if (hardware.rng)
    devices.push({ driver: 'virtio-rng-pci', id: 'rng', rng: 'rng0', 'max-bytes': 65536, period: 100, ...fixed(4) });
  if (hardware.guestAgent) {
    devices.push({ driver: 'virtio-serial-pci', id: 'channels', ...fixed(5) });
    devices.push({
      driver: 'virtserialport',
      id: 'agent',
      chardev: 'agent0',
      name: 'org.qemu.guest_agent.0',
      bus: 'channels.0',
    });
  }
  if (hardware.diskBus === 'scsi' || (guest.configDrive && hardware.cdromBus === 'scsi'))
    devices.push({ driver: 'virtio-scsi-pci', id: 'scsi0', ...fixed(6) });

  const local = (id: string, file: string, bootindex?: number, cdrom?: boolean): void => {
    blockdevs.push({
      driver: 'qcow2',
      'node-name': id,
      discard: 'unmap',
      file: { driver: 'file', filename: file, discard: 'unmap' },
    });
    const kind = cdrom ? 'ide' : hardware.diskBus;
    devices.push(
      diskFrontend(kind, { id: `local-${id}`, node: id, place: places.disk(kind, `local-${id}`), bootindex, cdrom }),
    );
  };
  // A kernel of ours is itself what boots first.
  const bootsFirst = facts.kernel ? undefined : 0;
  if (guest.root) local('root', paths.root, bootsFirst, facts.rootIsCdrom);
  for (let index = 0; index < facts.ephemeral; index++) local(`ephemeral${index}`, paths.ephemeral(index));
  if (facts.swap) local('swap', paths.swap);
  for (const disk of inDeviceOrder(guest.disks)) {
    blockdevs.push(volumeNode(disk, paths));
    const bootindex = disk.bootIndex === null || facts.kernel ? undefined : disk.bootIndex + (guest.root ? 1 : 0);
    const place = places.disk(hardware.diskBus, diskDevice(disk.volumeId));
    const serial = disk.volumeId.slice(0, 20);
    devices.push(
      diskFrontend(hardware.diskBus, {
        id: diskDevice(disk.volumeId),
        node: nodeOf(disk.volumeId),
        place,
        serial,
        bootindex,
      }),
    );
  }
  for (const nic of guest.nics) {
    netdevs.push(netdev(nic));
    devices.push(nicFrontend(nic, places.pci(nicDevice(nic.portId))));
  }
  if (guest.configDrive) {
    blockdevs.push({
      driver: 'raw',
      'node-name': 'config',
      'read-only': true,
      file: { driver: 'file', filename: paths.configDrive, 'read-only': true },
    });
    const place = places.disk(hardware.cdromBus, 'local-config');
    devices.push(diskFrontend(hardware.cdromBus, { id: 'local-config', node: 'config', place, cdrom: true }));
  }
  if (!guest.root && !guest.disks.some(disk => disk.bootIndex !== null) && !facts.kernel)
    throw new Problem('invalid', hypervisorTexts.noBootDisk, { server: guest.serverId });

  const sockets = (id: string, path: string): string => `socket,id=${id},path=${escaped(path)},server=on,wait=off`;
  const options: string[][] = [
    ['-name', `guest=${guest.name.replaceAll(',', ',,')}`],
    ['-uuid', guest.serverId],
    ['-nodefaults'],
    ['-no-user-config'],
    ['-S'],
    facts.incoming ? ['-incoming', 'defer'] : [],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-machine', q35 ? 'q35,usb=off,vmport=off' : 'pc,usb=off,vmport=off'],
    ['-accel', facts.accelerator === 'kvm' ? 'kvm' : 'tcg,tb-size=64'],
    ['-cpu', cpuModel[facts.accelerator]],
    ['-m', String(guest.memoryMib)],
    ['-smp', String(guest.vcpus)],
    ['-rtc', 'base=utc,driftfix=slew'],
    // A guest that powers itself off or panics is held, so that an agent which was away still learns what happened.
    ['-action', 'reboot=reset,shutdown=pause,panic=pause'],
    ['-boot', 'strict=on'],
    ['-msg', 'timestamp=on'],
    ['-smbios', `${smbios},serial=${guest.serverId},uuid=${guest.serverId}`],
    facts.firmware ? firmware(facts.firmware, paths.firmwareVariables) : [],
    facts.kernel ? directBoot(facts.kernel, guest.kernel?.commandLine ?? '') : [],
    ['-chardev', `${sockets('serial0', paths.serial)},logfile=${escaped(paths.console)},logappend=on`],
    ['-serial', 'chardev:serial0'],
    ['-chardev', sockets('qmp0', paths.qmp)],
    ['-mon', 'chardev=qmp0,mode=control'],
    ['-vnc', `unix:${escaped(paths.vnc)}`],
    hardware.guestAgent ? ['-chardev', sockets('agent0', paths.agent)] : [],
    hardware.rng ? ['-object', JSON.stringify(rngSource)] : [],
    ...blockdevs.map(node => ['-blockdev', JSON.stringify(node)]),
    ...netdevs.map(entry => ['-netdev', JSON.stringify(entry)]),
    ...devices.map(device => ['-device', JSON.stringify(device)]),
  ];
  return options.flat();
}

/** Hands out the places that devices have elsewhere, and others in order. @throws Problem conflict when the machine is full */
function placer(guest: Guest, known: GuestLayout['places']) {
  const { machine } = guest.hardware;
  const limit = slotLimit[machine];
  let pci = 0;
  let scsi = 0;
  let ide = 0;
  const nextPci = (): Place => {
    if (pci >= limit) throw new Problem('conflict', hypervisorTexts.noSlot, { server: guest.serverId, limit });
    return pciPlace(machine, pci++);
  };
  return {
    pci: (id: string): Place => (known[id] as Place | undefined) ?? nextPci(),
    disk(bus: 'virtio' | 'scsi' | 'ide', id: string): Place {
      if (known[id]) return known[id] as Place;
      if (bus === 'virtio') return nextPci();
      if (bus === 'scsi') return { bus: 'scsi0.0', 'scsi-id': scsi++ };
      // pc: two channels with two units each; q35: six channels of AHCI.
      const limits = machine === 'pc' ? 4 : 6;
      if (ide >= limits)
        throw new Problem('conflict', hypervisorTexts.tooManyDisks, { server: guest.serverId, bus, limit: limits });
      const unit = ide++;
      return machine === 'pc' ? { bus: `ide.${unit >> 1}`, unit: unit & 1 } : { bus: `ide.${unit}`, unit: 0 };
    },
  };
}

function rootPort(port: number): Record<string, unknown> {
  const slot = 0x10 + Math.floor(port / portsPerSlot);
  const place = { bus: 'pcie.0', addr: `0x${slot.toString(16)}.0x${port % portsPerSlot}` };
  return { driver: 'pcie-root-port', id: `port${port}`, chassis: port + 1, port, multifunction: true, ...place };
}

function firmware(code: string, variables: string): string[] {
  const flash = (unit: number, rest: string): string => `if=pflash,format=raw,unit=${unit},${rest}`;
  const fixed = flash(0, `readonly=on,file=${escaped(code)}`);
  return ['-drive', fixed, '-drive', flash(1, `file=${escaped(variables)}`)];
}

function directBoot(files: { kernel: string; ramdisk: string | null }, append: string): string[] {
  return ['-kernel', files.kernel, ...(files.ramdisk ? ['-initrd', files.ramdisk] : []), '-append', append];
}

/** A value inside QEMU's comma-separated options. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
