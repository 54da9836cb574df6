// What a host must hold for its servers: guests, and the images that their disks start from. One query for each table.

import type { BaseImage, Guest, GuestDisk, GuestNic } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { type Connection, exportName } from '#/drivers/volume/volume-driver.ts';
import { idOf } from '#/host/plan.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { ServerKey } from '#/platform/http/service.ts';
import { movesOn } from '#/services/compute/server-migrations/migration.plan.ts';
import { instanceDataOf } from '#/services/compute/servers/instance-data.ts';
import { imagesOf } from '#/services/compute/servers/release.ts';
import { instanceName } from '#/services/compute/servers/server.rules.ts';
import {
  type BlockDevice,
  blockDevicesOf,
  type Nic,
  nicsOf,
  plannedServers,
  type Server,
  serversByIds,
} from '#/services/compute/servers/server.store.ts';
import { type VolumeWay, waysFrom } from '#/services/block-storage/contract.ts';
import { baseImages } from '#/services/image/contract.ts';
import { type PortInfo, portsOfServers } from '#/services/network/contract.ts';

export async function planServers(tx: Tx, host: string, only?: ServerKey[]): Promise<(Guest | BaseImage)[]> {
  const asked = only?.map(idOf);
  const own = await plannedServers(tx, host, asked);
  const moves = await movesOn(tx, host);
  // Those of other hosts that come here, or may come back.
  const guests = (await serversByIds(tx, asked ? asked.filter(id => moves.has(id)) : [...moves.keys()])).filter(
    server => server.planned === 1 && server.host !== host && moves.get(server.id)!.held,
  );
  const servers = [...own, ...guests];
  if (servers.length === 0) return [];
  const ids = servers.map(server => server.id);
  const ports = await portsOfServers(tx, ids);
  const devices = await blockDevicesOf(tx, ids);
  const nics = await nicsOf(tx, ids);
  const attachments = [...devices.values()].flat().flatMap(device => device.attachmentId ?? []);
  const ways = await waysFrom(tx, host, attachments);
  const images = await baseImages(tx, [...new Set(servers.flatMap(imagesOf))]);
  return [
    ...images,
    ...servers.map(server => {
      const { flavor = server.flavor, power = server.power, move } = moves.get(server.id) ?? {};
      const shown = { ...server, flavor, power };
      const entry = planGuest(
        shown,
        ports.get(server.id) ?? [],
        (devices.get(server.id) ?? []).map(device => reachedBy(device, ways)),
        nics.get(server.id) ?? [],
      );
      return move ? { ...entry, move } : entry;
    }),
  ];
}

/** The device with its volume as the host comes to it. */
function reachedBy(device: BlockDevice, ways: ReadonlyMap<string, VolumeWay>): BlockDevice {
  if (device.attachmentId === null || device.connection === null) return device;
  const way = ways.get(device.attachmentId);
  if (way?.kind === 'here') return device;
  const { host, address, ticket } = way ?? {};
  const connection = way && { kind: 'nbd-host', host, address, ticket, export: exportName };
  return { ...device, connection: connection ? JSON.stringify(connection) : null };
}

/** Rows → the guest. Pure. Disks appear once they are exported, interfaces once they are plugged. */
export function planGuest(server: Server, allPorts: PortInfo[], allDevices: BlockDevice[], nicRows: Nic[]): Guest {
  const nics = new Map(nicRows.map(nic => [nic.portId, nic]));
  const byId = new Map(allPorts.map(port => [port.id, port]));
  const ports = nicRows
    .filter(nic => nic.plugged === 1 && nic.detaching === 0)
    .flatMap(nic => byId.get(nic.portId) ?? []);
  const devices = allDevices.filter(device => device.detaching === 0);
  const { properties } = server.image;
  const local = devices.filter(device => device.destination === 'local');
  const root = local.find(device => device.bootIndex === 0);
  return {
    key: `server/${server.id}`,
    serverId: server.id,
    projectId: server.projectId,
    name: instanceName(server.seq),
    vcpus: server.flavor.vcpus,
    memoryMib: server.flavor.memoryMib,
    power: server.power,
    boot: server.boot,
    root: root
      ? { image: server.imageId === null ? null : `image/${server.imageId}`, sizeGib: server.flavor.diskGib }
      : null,
    rootGeneration: server.rootGeneration,
    ephemeralGib: local
      .filter(device => device.source === 'blank' && device.guestFormat !== 'swap')
      .map(device => device.sizeGib ?? 0),
    swapMib: local.some(device => device.guestFormat === 'swap') ? server.flavor.swapMib : 0,
    kernel: kernelOf(server),
    disks: devices.filter(device => device.volumeId !== null && device.connection !== null).map(toDisk),
    nics: ports.map(port => toNic(port, properties)),
    configDrive: server.configDrive === 1,
    instanceData: instanceDataOf(server, ports, devices, nics),
    hardware: {
      machine: (properties['hw_machine_type'] ?? '').includes('q35') ? 'q35' : 'pc',
      diskBus: oneOf(properties['hw_disk_bus'], ['virtio', 'scsi', 'ide'], 'virtio'),
      cdromBus: oneOf(properties['hw_cdrom_bus'], ['ide', 'scsi', 'virtio'], 'ide'),
      video: oneOf(properties['hw_video_model'], ['vga', 'virtio', 'none'], 'vga'),
      guestAgent: isYes(properties['hw_qemu_guest_agent']),
      firmware: properties['hw_firmware_type'] === 'uefi' ? 'uefi' : 'bios',
      rng: properties['hw_rng_model'] === undefined ? true : properties['hw_rng_model'] === 'virtio',
    },
  };
}

function kernelOf(server: Server): Guest['kernel'] {
  const { kernel_id, ramdisk_id, os_command_line } = server.image.properties;
  if (!kernel_id || server.imageId === null) return null;
  return {
    kernel: `image/${kernel_id}`,
    ramdisk: ramdisk_id ? `image/${ramdisk_id}` : null,
    commandLine: os_command_line ?? 'root=/dev/vda console=ttyS0',
  };
}

function toDisk(device: BlockDevice): GuestDisk {
  return {
    volumeId: device.volumeId!,
    device: device.device!.replace('/dev/', ''),
    connection: JSON.parse(device.connection!) as Connection,
    bootIndex: device.bootIndex,
    readOnly: device.readOnly === 1,
  };
}

function toNic(port: PortInfo, properties: Record<string, string>): GuestNic {
  const model = oneOf(properties['hw_vif_model'], ['virtio', 'e1000', 'rtl8139', 'e1000e'], 'virtio');
  return { portId: port.id, tap: port.tap, mac: port.mac, mtu: port.mtu, model };
}

function oneOf<T extends string>(value: string | undefined, allowed: readonly T[], fallback: T): T {
  return allowed.find(one => one === value) ?? fallback;
}

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(yes|true|1|on)$/i.test(value);
}
