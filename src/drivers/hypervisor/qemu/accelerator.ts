// Which accelerator guests get. /dev/kvm proves nothing: under a hypervisor that has it switched off, or only half
// built, guests hang. So real guests are started: one whose boot sector says one word and ends, for that is quick, and
// then a stock kernel, for there are KVMs that run the one and hang in the other.

import { existsSync } from 'node:fs';
import { chown, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '#/drivers/tools.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { writeWhole } from '#/platform/files/write-whole.ts';
import { sentenceOf } from '#/platform/problem/problem.ts';
import { ToolFailure } from '#/platform/process/run.ts';
import { type Accelerator, cpuModel } from './command-line.ts';
import { readBootId } from './host.ts';
import { type GuestUser, qemuBinary, unprivileged } from './process.ts';

export interface Acceleration {
  kind: Accelerator;
  /** Why KVM is not used, where it is not. */
  kvmProblem?: string;
  /** Supplementary groups that open /dev/kvm. */
  groups: number[];
}

const probeTimeoutMs = 5_000;
/** KVM takes a second for it. */
const kernelTimeoutMs = 15_000;
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
  return inPlace(directory, user, tools, async place => {
    const disk = join(place, 'disk');
    await writeFile(disk, probeSector());
    await chown(disk, user.uid, user.gid);
    const drive = `file=${disk.replaceAll(',', ',,')},format=raw,if=ide,readonly=off`;
    const { status } = await tools.run(
      [
        ...machine(accelerator, 16, user, groups),
        ...['-drive', drive],
        ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
      ],
      { timeoutMs: probeTimeoutMs, allow: [wordStatus] },
    );
    return status === wordStatus ? undefined : `the probe guest ended with status ${status}`;
  });
}

/** Boots a stock kernel without a disk: one that runs ends by itself, for it finds nothing to go on with. */
export async function probeKernel(
  accelerator: Accelerator,
  user: GuestUser,
  groups: number[],
  directory: string,
  tools: Tools,
  kernel: string,
): Promise<string | undefined> {
  return inPlace(directory, user, tools, async place => {
    const own = join(place, 'kernel');
    await copyFile(kernel, own);
    await chown(own, user.uid, user.gid);
    // `panic=-1`: it reboots at once when it panics, and a machine that may not reboot ends.
    await tools.run([...machine(accelerator, 128, user, groups), '-kernel', own, '-append', 'panic=-1'], {
      timeoutMs: kernelTimeoutMs,
    });
    return undefined;
  });
}

/** A verdict holds until the machine boots again, or what was tried is another: an agent that restarts does not wait. */
async function remembered(
  directory: string,
  tried: string[],
  judge: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const file = join(directory, 'accelerator.json');
  const program = await stat(`/usr/bin/${qemuBinary}`).catch(() => null);
  const about = JSON.stringify([await readBootId(), program?.mtimeMs ?? 0, ...tried]);
  try {
    const known = JSON.parse(await readFile(file, 'utf8')) as { about?: string; problem?: string };
    if (known.about === about) return known.problem;
  } catch {
    // Nothing is known yet.
  }
  const problem = await judge();
  await writeWhole(file, JSON.stringify({ about, problem }));
  return problem;
}

/** A folder of the guest user's, for as long as the work takes. @returns what the work returned, or why it failed */
async function inPlace(
  directory: string,
  user: GuestUser,
  tools: Tools,
  work: (place: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const place = join(directory, `.probe-${newUuid(tools.random)}`);
  await mkdir(place, { recursive: true, mode: 0o700 });
  try {
    await chown(place, user.uid, user.gid);
    return await work(place);
  } catch (error) {
    return error instanceof ToolFailure ? error.reason : sentenceOf(error);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function machine(
  accelerator: Accelerator,
  memoryMib: number,
  user: GuestUser,
  groups: number[],
): [string, ...string[]] {
  return [
    ...unprivileged(user, [], groups),
    qemuBinary,
    ...['-M', 'pc', '-accel', accelerator, '-m', String(memoryMib)],
    // The processor that real guests get: half-working KVMs fail over it.
    ...['-cpu', cpuModel[accelerator]],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
  ];
}

/**
 * Decides once. `kvm` and `tcg` are the operator's word; `auto` tries KVM.
 * @param kernels files of stock kernels, of which the first that is there is tried
 */
export async function chooseAccelerator(
  wish: 'auto' | 'tcg' | 'kvm',
  user: GuestUser,
  directory: string,
  tools: Tools,
  kernels: string[],
): Promise<Acceleration> {
  if (wish === 'tcg') return { kind: 'tcg', kvmProblem: 'switched off by configuration', groups: [] };
  const device = await stat('/dev/kvm').catch(() => null);
  if (!device && wish === 'auto') return { kind: 'tcg', kvmProblem: 'this machine has no /dev/kvm', groups: [] };
  // The group of the device is how distributions hand KVM out.
  const groups = device && device.gid !== 0 && device.mode & 0o060 ? [device.gid] : [];
  if (wish === 'kvm') return { kind: 'kvm', groups };
  const kernel = kernels.find(file => existsSync(file));
  const kvmProblem = await remembered(directory, [kernel ?? '', ...groups.map(String)], async () => {
    const problem = await probe('kvm', user, groups, directory, tools);
    if (problem !== undefined || !kernel) return problem;
    return probeKernel('kvm', user, groups, directory, tools, kernel);
  });
  return kvmProblem === undefined ? { kind: 'kvm', groups } : { kind: 'tcg', kvmProblem, groups: [] };
}
