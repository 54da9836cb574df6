// Where a running guest's devices are and how large its local disks: what a process on another host must have alike.

import type { GuestLayout } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Qmp } from './qmp.ts';

interface PciDevice {
  slot: number;
  qdev_id: string;
  pci_bridge?: { devices?: PciDevice[] };
}

/** Ids of devices that a guest's own disks and interfaces have. */
const ours = /^(disk|nic|local)-/;

export async function layoutOf(qmp: Qmp): Promise<GuestLayout> {
  const places: GuestLayout['places'] = {};
  const buses = await qmp.execute<{ bus: number; devices: PciDevice[] }[]>('query-pci');
  for (const device of buses.find(({ bus }) => bus === 0)?.devices ?? []) {
    if (ours.test(device.qdev_id)) places[device.qdev_id] = { bus: 'pci.0', addr: `0x${device.slot.toString(16)}` };
    for (const inside of device.pci_bridge?.devices ?? [])
      if (ours.test(inside.qdev_id)) places[inside.qdev_id] = { bus: device.qdev_id, addr: '0x0' };
  }
  const devices = await qmp.execute<{ name: string; type: string }[]>('qom-list', { path: '/machine/peripheral' });
  for (const { name, type } of devices)
    if (ours.test(name) && type.startsWith('child<scsi-')) {
      const path = `/machine/peripheral/${name}`;
      const id = await qmp.execute<number>('qom-get', { path, property: 'scsi-id' });
      places[name] = { bus: 'scsi0.0', 'scsi-id': id };
    }
  const disks: GuestLayout['disks'] = {};
  for (const node of await localNodes(qmp)) disks[node.name] = node.bytes;
  return { places, disks };
}

/** The block nodes of disks that this host keeps itself; their names are those of `commandLine`. */
export async function localNodes(qmp: Qmp): Promise<{ name: string; bytes: number }[]> {
  const nodes = await qmp.execute<{ 'node-name'?: string; drv: string; image: { 'virtual-size': number } }[]>(
    'query-named-block-nodes',
    { flat: true },
  );
  return nodes.flatMap(({ 'node-name': name = '', drv, image }) =>
    drv === 'qcow2' && /^(root|swap|ephemeral\d+)$/.test(name) ? [{ name, bytes: image['virtual-size'] }] : [],
  );
}
