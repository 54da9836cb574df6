// Starting a guest: its directory, disks and config drive, then the process, until it answers.

import { chmod, chown, mkdir } from 'node:fs/promises';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { Problem, sentenceOf } from '#/platform/problem/problem.ts';
import { commandLine, type LaunchFacts } from './command-line.ts';
import { writeConfigDrive } from './config-drive.ts';
import { newConsoleLog, tailOf } from './console-log.ts';
import { prepareDisks } from './disks.ts';
import type { GuestState } from './guest-state.ts';
import { prepareKept } from './kept-disks.ts';
import { findFirmware, openTun, type QemuHost } from './host.ts';
import type { GuestPaths } from './paths.ts';
import { type Ending, killHard, qemuBinary, spawnDetached, unprivileged } from './process.ts';
import { connectQmp, type Qmp } from './qmp.ts';

export interface Launched {
  pid: number;
  qmp: Qmp;
  ended: Promise<Ending>;
}

const answerTimeoutMs = 60_000;

/** Makes the directories of a guest. Only `run` belongs to the guest user. */
export async function makeDirectories(host: QemuHost, paths: GuestPaths): Promise<void> {
  const { uid, gid } = host.user;
  await mkdir(paths.directory, { recursive: true });
  await chmod(paths.directory, 0o711);
  await mkdir(paths.run, { recursive: true, mode: 0o700 });
  await chown(paths.run, uid, gid);
}

/** Makes all that the guest's command line names; notes in the state what was made. */
export async function prepare(
  host: QemuHost,
  guest: Guest,
  state: GuestState,
  paths: GuestPaths,
): Promise<LaunchFacts> {
  await makeDirectories(host, paths);
  await prepareKept(host, guest, state, paths);
  await prepareDisks(guest, state, paths, host);
  return launchFacts(host, guest, paths);
}

/** All that a guest's command line names but its disks. */
export async function launchFacts(host: QemuHost, guest: Guest, paths: GuestPaths): Promise<LaunchFacts> {
  if (guest.configDrive) await writeConfigDrive(guest.instanceData, paths, host.user, host.tools);
  if (guest.nics.length) await openTun();
  const { kernel } = guest;
  const bootFiles = kernel && {
    kernel: (await host.images.find(kernel.kernel)).path,
    ramdisk: kernel.ramdisk && (await host.images.find(kernel.ramdisk)).path,
  };
  const base = guest.root?.image ? await host.images.find(guest.root.image) : null;
  return {
    paths,
    accelerator: (await host.acceleration()).kind,
    rootIsCdrom: base?.diskFormat === 'iso',
    kernel: bootFiles,
    firmware: guest.hardware.firmware === 'uefi' ? await firmwareFor(host, paths) : null,
    ephemeral: guest.ephemeralGib.length,
    swap: guest.swapMib > 0,
  };
}

/** A guest keeps its own copy of the firmware's variables. */
async function firmwareFor(host: QemuHost, paths: GuestPaths): Promise<string> {
  const { code, variables } = await findFirmware();
  // As the guest user, who owns the directory; `-n` leaves what the guest has written.
  await host.tools.run([...unprivileged(host.user, []), 'cp', '-n', variables, paths.firmwareVariables]);
  return code;
}

/** Starts the process and waits until it answers. The guest is paused. @throws Problem unavailable with QEMU's words */
export async function launch(host: QemuHost, guest: Guest, facts: LaunchFacts): Promise<Launched> {
  const { paths } = facts;
  const { clock, log } = host.tools;
  const { groups } = await host.acceleration();
  await newConsoleLog(paths, host.user);
  const args = commandLine(guest, facts);
  const { pid, ended } = await spawnDetached([...unprivileged(host.user, [], groups), qemuBinary, ...args], paths.log);
  log.info({ server: guest.serverId, pid, accelerator: facts.accelerator }, 'guest process started');
  const child: { ending?: Ending } = {};
  void ended.then(ending => (child.ending = ending));
  let cause: unknown;
  const until = clock.monotonic() + answerTimeoutMs;
  while (!child.ending && clock.monotonic() < until) {
    try {
      return { pid, ended, qmp: await connectQmp(paths.qmp, clock) };
    } catch (error) {
      cause = error;
      await sleep(clock, 40);
    }
  }
  await killHard(pid, paths.directory, clock);
  const reason = (await lastWords(paths)) || endingSentence(child.ending) || sentenceOf(cause);
  throw new Problem('unavailable', hypervisorTexts.startFailed, { server: guest.serverId, reason }, { cause });
}

/** Connects to a guest that was started by an earlier agent. */
export async function reconnect(paths: GuestPaths, clock: Clock): Promise<Qmp> {
  return await connectQmp(paths.qmp, clock, 5_000);
}

/** The last lines that QEMU itself said, without their time stamps. */
export async function lastWords(paths: GuestPaths): Promise<string> {
  const lines = (await tailOf(paths.log, 4096)).toString().trim().split('\n').slice(-3);
  return lines
    .map(line => line.replace(/^\S+Z /, '').replace(/^qemu-system-\w+: /, ''))
    .join(' ')
    .slice(0, 500);
}

/** Of a process whose parent was an earlier agent: it took the status with it. */
export const unknownEnding = 'QEMU was killed or crashed.';

/** How a process ended, as far as its parent knows. */
export function endingSentence(ending: Ending | undefined): string {
  if (ending?.signal) return `QEMU was ended by ${ending.signal}.`;
  if (ending && ending.status !== null) return `QEMU ended with status ${ending.status}.`;
  return '';
}
