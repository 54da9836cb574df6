// Disks and NICs that come and go while the guest runs. QEMU's own list of devices is the truth: what an agent
// that crashed half-way left is found and finished.

import type { Guest, GuestDisk, GuestNic } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  diskDevice,
  diskFrontend,
  inDeviceOrder,
  netdev,
  netdevOf,
  nicDevice,
  nicFrontend,
  nodeOf,
  type Place,
  pciPlace,
  distantReconnectDelaySeconds,
  slotLimit,
  volumeNode,
} from './command-line.ts';
import type { GuestPaths } from './paths.ts';
import { type Qmp, QmpError } from './qmp.ts';

const unplugTimeoutMs = 20_000;
const unplugRepeatMs = 2_000;
/** A volume whose server is gone holds up all of QEMU until it gives up waiting for it to come back. */
const closeTimeoutMs = 1_000 * distantReconnectDelaySeconds + 15_000;
const volumeNodeName = /^v[0-9a-f]{30}$/;

/** Plugs and unplugs until the running guest has the disks and NICs of the entry. @throws Problem the first that failed */
export async function convergeDevices(guest: Guest, qmp: Qmp, clock: Clock, paths: GuestPaths): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => void failures.push(error));
  };
  const disks = new Map(inDeviceOrder(guest.disks).map(disk => [diskDevice(disk.volumeId), disk]));
  const nics = new Map(guest.nics.map(nic => [nicDevice(nic.portId), nic]));
  const present = await devices(qmp);
  const surplus = [...present].filter(id => /^(disk|nic)-/.test(id) && !disks.has(id) && !nics.has(id));
  // Guests release devices in their own time: ask for all at once.
  await Promise.all(surplus.map(id => attempt(() => unplug(guest, qmp, clock, id))));
  await attempt(() => removeLooseNodes(qmp, guest));
  for (const [id, disk] of disks) if (!present.has(id)) await attempt(() => plugDisk(guest, qmp, disk, paths));
  for (const [id, nic] of nics) if (!present.has(id)) await attempt(() => plugNic(guest, qmp, nic));
  if (failures.length) throw failures[0];
}

async function devices(qmp: Qmp): Promise<Set<string>> {
  const list = await qmp.execute<{ name: string }[]>('qom-list', { path: '/machine/peripheral' }, closeTimeoutMs);
  return new Set(list.map(entry => entry.name));
}

async function plugDisk(guest: Guest, qmp: Qmp, disk: GuestDisk, paths: GuestPaths): Promise<void> {
  const { diskBus } = guest.hardware;
  if (diskBus === 'ide')
    throw new Problem('unsupported', hypervisorTexts.coldBus, { bus: diskBus, server: guest.serverId });
  const node = nodeOf(disk.volumeId);
  await naming(guest, disk.device, async () => {
    await qmp.execute('blockdev-add', volumeNode(disk, paths), 20_000);
    try {
      const place = diskBus === 'scsi' ? { bus: 'scsi0.0' } : await freePlace(guest, qmp);
      const serial = disk.volumeId.slice(0, 20);
      await qmp.execute('device_add', diskFrontend(diskBus, { id: diskDevice(disk.volumeId), node, place, serial }));
    } catch (error) {
      await qmp.execute('blockdev-del', { 'node-name': node }).catch(() => {});
      throw error;
    }
  });
}

async function plugNic(guest: Guest, qmp: Qmp, nic: GuestNic): Promise<void> {
  await naming(guest, nic.tap, async () => {
    // One may be left of an earlier try.
    await qmp.execute('netdev_del', { id: netdevOf(nic.portId) }).catch(() => {});
    await qmp.execute('netdev_add', netdev(nic));
    try {
      await qmp.execute('device_add', nicFrontend(nic, await freePlace(guest, qmp)));
    } catch (error) {
      await qmp.execute('netdev_del', { id: netdevOf(nic.portId) }).catch(() => {});
      throw error;
    }
  });
}

/** A guest that is still booting does not hear the first request, so it is repeated. */
async function unplug(guest: Guest, qmp: Qmp, clock: Clock, id: string): Promise<void> {
  if (id.startsWith('disk-') && guest.hardware.diskBus === 'ide')
    throw new Problem('unsupported', hypervisorTexts.coldBus, { bus: 'ide', server: guest.serverId });
  const gone = new AbortController();
  const deaf = qmp.onEvent(({ event, data }) => {
    if (event === 'DEVICE_DELETED' && data['device'] === id) gone.abort();
  });
  void qmp.closed.then(() => gone.abort());
  try {
    const until = clock.monotonic() + unplugTimeoutMs;
    let present = true;
    while (present && clock.monotonic() < until) {
      // Refused while an earlier request is pending, which is fine.
      await qmp.execute('device_del', { id }, closeTimeoutMs).catch(error => {
        if (!(error instanceof QmpError) || error.kind !== 'refused') throw error;
      });
      await sleep(clock, unplugRepeatMs, gone.signal);
      present = (await devices(qmp)).has(id);
    }
    if (present) {
      const facts = { server: guest.serverId, device: id, seconds: unplugTimeoutMs / 1000 };
      throw new Problem('conflict', hypervisorTexts.notReleased, facts);
    }
  } finally {
    deaf();
  }
  if (id.startsWith('nic-')) await qmp.execute('netdev_del', { id: netdevOf(id.slice('nic-'.length)) }).catch(() => {});
}

/** Closes volumes that no device uses any more; an open one would keep the volume's server from letting go of it. */
async function removeLooseNodes(qmp: Qmp, guest: Guest): Promise<void> {
  const used = await devices(qmp);
  const wanted = new Set(
    guest.disks.filter(disk => used.has(diskDevice(disk.volumeId))).map(disk => nodeOf(disk.volumeId)),
  );
  const held = new Set([...used].filter(id => id.startsWith('disk-')).map(id => nodeOf(id.slice('disk-'.length))));
  const nodes = await qmp.execute<{ 'node-name'?: string }[]>('query-named-block-nodes', { flat: true });
  for (const { 'node-name': name = '' } of nodes)
    if (volumeNodeName.test(name) && !wanted.has(name) && !held.has(name))
      await qmp.execute('blockdev-del', { 'node-name': name }, closeTimeoutMs);
}

interface PciDevice {
  slot: number;
  qdev_id: string;
  pci_bridge?: { devices?: PciDevice[] };
}

/** The first free pluggable place. @throws Problem conflict when all are taken */
async function freePlace(guest: Guest, qmp: Qmp): Promise<Place> {
  const { machine } = guest.hardware;
  const buses = await qmp.execute<{ bus: number; devices: PciDevice[] }[]>('query-pci');
  const main = buses.find(bus => bus.bus === 0)?.devices ?? [];
  for (let index = 0; index < slotLimit[machine]; index++) {
    const place = pciPlace(machine, index);
    const taken =
      machine === 'pc'
        ? main.some(device => device.slot === Number(place.addr))
        : main.some(device => device.qdev_id === place.bus && device.pci_bridge?.devices?.length);
    if (!taken) return place;
  }
  throw new Problem('conflict', hypervisorTexts.noSlot, { server: guest.serverId, limit: slotLimit[machine] });
}

/** Turns QEMU's refusal into a sentence about this device. */
async function naming(guest: Guest, device: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof QmpError)) throw cause;
    const facts = { server: guest.serverId, device, reason: cause.message };
    throw new Problem('unavailable', hypervisorTexts.plugFailed, facts, { cause });
  }
}
