// Golden files: `golden/*.txt` is the command line, one argument a line. Written anew with HANEUL_GOLDEN=write.

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Guest, GuestDisk, GuestNic } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { commandLine, inDeviceOrder, type LaunchFacts, nodeOf } from './command-line.ts';
import { guestPaths } from './paths.ts';

const serverId = '11111111-2222-4333-8444-555555555555';
const volume = (digit: string, device: string, bootIndex: number | null = null): GuestDisk => ({
  volumeId: '11111111-2222-4333-8444-555555555555'.replaceAll('1', digit),
  device,
  connection: { kind: 'nbd-unix', path: '/run/h/nbd,x.sock', export: device },
  bootIndex,
  readOnly: false,
});
const nic = (digit: string, model: GuestNic['model'] = 'virtio'): GuestNic => ({
  portId: '11111111-2222-4333-8444-555555555555'.replaceAll('1', digit),
  tap: `tap${digit.repeat(8)}-22`,
  mac: `fa:16:3e:00:00:0${digit}`,
  mtu: 1450,
  model,
});

function entry(over: Partial<Guest> = {}): Guest {
  return {
    key: `server/${serverId}`,
    serverId,
    projectId: 'p',
    name: 'instance-0000000a,x',
    vcpus: 2,
    memoryMib: 512,
    power: 'running',
    boot: 1,
    root: { image: null, sizeGib: 1 },
    rootGeneration: 0,
    ephemeralGib: [],
    swapMib: 0,
    kernel: null,
    disks: [],
    nics: [nic('7')],
    configDrive: false,
    instanceData: { metaData: {}, networkData: {}, vendorData: {}, ec2: {}, files: [] },
    hardware: {
      machine: 'pc',
      diskBus: 'virtio',
      cdromBus: 'ide',
      video: 'vga',
      guestAgent: false,
      firmware: 'bios',
      rng: true,
    },
    ...over,
  };
}

const facts: LaunchFacts = {
  paths: guestPaths('/var/lib/haneul', serverId),
  accelerator: 'tcg',
  rootIsCdrom: false,
  kernel: null,
  firmware: null,
  ephemeral: 0,
  swap: false,
};

async function golden(name: string, args: string[]): Promise<void> {
  const file = new URL(`golden/${name}.txt`, import.meta.url);
  const text = `${args.join('\n')}\n`;
  if (process.env['HANEUL_GOLDEN'] === 'write') await writeFile(file, text);
  equal(text, await readFile(file, 'utf8'));
}

test('pc: image root, local disks, volume, config drive', async () => {
  const guest = entry({ disks: [volume('9', 'vdd')], ephemeralGib: [1], swapMib: 64, configDrive: true });
  await golden('pc', commandLine(guest, { ...facts, ephemeral: 1, swap: true }));
});

test('q35: boot from volume on scsi, UEFI, agent, KVM', async () => {
  const { hardware } = entry();
  const guest = entry({
    root: null,
    disks: [volume('9', 'vdb'), volume('8', 'vda', 0)],
    nics: [nic('7'), nic('6', 'e1000e')],
    configDrive: true,
    hardware: { ...hardware, machine: 'q35', diskBus: 'scsi', cdromBus: 'scsi', video: 'virtio', guestAgent: true },
  });
  await golden('q35', commandLine(guest, { ...facts, accelerator: 'kvm', firmware: '/usr/share/OVMF/code.fd' }));
});

test('direct boot, no screen, no random source', async () => {
  const { hardware } = entry();
  const kernel = { kernel: 'image/k', ramdisk: 'image/r', commandLine: 'root=/dev/vda console=ttyS0' } as const;
  const guest = entry({ kernel, nics: [], hardware: { ...hardware, video: 'none', rng: false } });
  await golden('direct', commandLine(guest, { ...facts, kernel: { kernel: '/images/k', ramdisk: '/images/r' } }));
});

test('limits and refusals', () => {
  const many = Array.from({ length: 26 }, (_, n) => volume(n.toString(36), 'vdb'));
  throws(() => commandLine(entry({ disks: many }), facts), { kind: 'conflict' });
  const { hardware } = entry();
  const ide = entry({ disks: many.slice(0, 4), hardware: { ...hardware, diskBus: 'ide' } });
  throws(() => commandLine(ide, facts), { kind: 'conflict' });
  throws(() => commandLine(entry({ root: null }), facts), { kind: 'invalid' });
  const simulated = { ...volume('9', 'vdb'), connection: { kind: 'simulated', id: 'x' } } as const;
  throws(() => commandLine(entry({ disks: [simulated] }), facts), { kind: 'unsupported' });
});

test('names cannot add options', () => {
  const args = commandLine(entry({ name: 'a,process=b' }), facts);
  equal(args[args.indexOf('-name') + 1], 'guest=a,,process=b');
});

test('volumes come in the order of their device names', () => {
  const disks = ['vdaa', 'vdc', 'vdb'].map((device, n) => volume(String(n + 1), device));
  deepEqual(
    inDeviceOrder(disks).map(disk => disk.device),
    ['vdb', 'vdc', 'vdaa'],
  );
  ok(nodeOf(serverId).length <= 31);
});
