// Which accelerator guests get. /dev/kvm proves nothing: under a hypervisor that has it switched off, or only half
// built, guests hang. So a real guest is started, whose boot sector says one word and ends.

import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '#/drivers/tools.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { sentenceOf } from '#/platform/problem/problem.ts';
import { ToolFailure } from '#/platform/process/run.ts';
import { type Accelerator, cpuModel } from './command-line.ts';
import { type GuestUser, qemuBinary, unprivileged } from './process.ts';

export interface Acceleration {
  kind: Accelerator;
  /** Why KVM is not used, where it is not. */
  kvmProblem?: string;
  /** Supplementary groups that open /dev/kvm. */
  groups: number[];
}

const probeTimeoutMs = 5_000;
/** isa-debug-exit ends QEMU with (value << 1) | 1. */
const word = 0x2a;
const wordStatus = (word << 1) | 1;

/** A boot sector: `mov dx, 0xf4; mov al, word; out dx, al; hlt`. */
export function probeSector(): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from([0xba, 0xf4, 0x00, 0xb0, word, 0xee, 0xf4]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** Starts the probe guest under an accelerator. @returns why it failed, undefined when it ran */
export async function probe(
  accelerator: Accelerator,
  user: GuestUser,
  groups: number[],
  directory: string,
  tools: Tools,
): Promise<string | undefined> {
  const place = join(directory, `.probe-${newUuid(tools.random)}`);
  const disk = join(place, 'disk');
  await mkdir(place, { recursive: true, mode: 0o700 });
  try {
    await writeFile(disk, probeSector());
    await chown(place, user.uid, user.gid);
    await chown(disk, user.uid, user.gid);
    const drive = `file=${disk.replaceAll(',', ',,')},format=raw,if=ide,readonly=off`;
    // The processor that real guests get: half-working KVMs fail over it.
    const cpu = cpuModel[accelerator];
    const machine = [
      '-M',
      'pc',
      '-accel',
      accelerator,
      '-cpu',
      cpu,
      '-m',
      '16',
      '-nodefaults',
      '-display',
      'none',
      '-no-reboot',
    ];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'];
    const command: [string, ...string[]] = [
      ...unprivileged(user, [], groups),
      qemuBinary,
      ...machine,
      '-drive',
      drive,
      ...exit,
    ];
    const { status } = await tools.run(command, {
      timeoutMs: probeTimeoutMs,
      allow: [wordStatus],
    });
    return status === wordStatus ? undefined : `the probe guest ended with status ${status}`;
  } catch (error) {
    return error instanceof ToolFailure ? error.reason : sentenceOf(error);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Decides once. `kvm` and `tcg` are the operator's word; `auto` tries KVM. */
export async function chooseAccelerator(
  wish: 'auto' | 'tcg' | 'kvm',
  user: GuestUser,
  directory: string,
  tools: Tools,
): Promise<Acceleration> {
  if (wish === 'tcg') return { kind: 'tcg', kvmProblem: 'switched off by configuration', groups: [] };
  const device = await stat('/dev/kvm').catch(() => null);
  if (!device && wish === 'auto') return { kind: 'tcg', kvmProblem: 'this machine has no /dev/kvm', groups: [] };
  // The group of the device is how distributions hand KVM out.
  const groups = device && device.gid !== 0 && device.mode & 0o060 ? [device.gid] : [];
  if (wish === 'kvm') return { kind: 'kvm', groups };
  const kvmProblem = await probe('kvm', user, groups, directory, tools);
  return kvmProblem === undefined ? { kind: 'kvm', groups } : { kind: 'tcg', kvmProblem, groups: [] };
}
