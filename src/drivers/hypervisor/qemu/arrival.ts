// A guest comes as it runs: a process like its own waits here, with empty disks that are written from its host, and is not
// let run before the control plane says that the guest is this host's.

import type { Guest, GuestMove } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { GuestState } from './guest-state.ts';
import type { QemuHost } from './host.ts';
import type { GuestPaths } from './paths.ts';
import { unprivileged } from './process.ts';
import type { Qmp } from './qmp.ts';

export type Arriving = GuestMove & { kind: 'arrive' };

const arriveTimeoutMs = 30_000;

/** Empty disks as large as the guest's; its root over the same image. Notes in the state what they are. */
export async function prepareEmptyDisks(
  host: QemuHost,
  guest: Guest,
  move: Arriving,
  state: GuestState,
  paths: GuestPaths,
): Promise<void> {
  const asUser = (...args: [string, ...string[]]) => host.tools.run([...unprivileged(host.user, []), ...args]);
  const { disks } = move.layout;
  for (const [node, bytes] of Object.entries(disks)) {
    const path = pathOf(paths, node);
    const base = node === 'root' && guest.root?.image ? await host.images.find(guest.root.image) : null;
    const over = base ? (['-F', base.format, '-b', base.path] as const) : [];
    await asUser('qemu-img', 'create', '-q', '-f', 'qcow2', ...over, path, String(bytes));
  }
  Object.assign(state, {
    rootGeneration: guest.rootGeneration,
    base: guest.root?.image ?? null,
    rootGib: Math.max(guest.root?.sizeGib ?? 0, Math.floor((disks['root'] ?? 0) / 2 ** 30)),
    ephemeralGib: [...guest.ephemeralGib],
    swapMib: guest.swapMib,
  } satisfies Partial<GuestState>);
}

export function pathOf(paths: GuestPaths, node: string): string {
  if (node === 'root') return paths.root;
  if (node === 'swap') return paths.swap;
  const index = /^ephemeral(\d{1,2})$/.exec(node)?.[1];
  if (index === undefined) throw new Problem('invalid', hypervisorTexts.sendingFailed, { reason: `disk ${node}` });
  return paths.ephemeral(Number(index));
}

/** Lets disks and memory in, each by a socket of the guest's own directory. */
export async function receive(qmp: Qmp, move: Arriving, paths: GuestPaths): Promise<void> {
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
  await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path: paths.incomingDisks } } });
  for (const node of Object.keys(move.layout.disks))
    await qmp.execute('block-export-add', {
      type: 'nbd',
      id: `from-${node}`,
      'node-name': node,
      name: node,
      writable: true,
    });
  await qmp.execute('migrate-incoming', { uri: `unix:${paths.incomingMemory}` });
}

/** Waits until all of the guest is here. It stands still. @throws Problem unavailable */
export async function arrived(qmp: Qmp, clock: Clock, server: string): Promise<void> {
  const until = clock.monotonic() + arriveTimeoutMs;
  for (;;) {
    const { status } = await qmp.execute<{ status: string }>('query-status');
    if (status !== 'inmigrate') break;
    if (clock.monotonic() > until) throw new Problem('unavailable', hypervisorTexts.notArrived, { server });
    await sleep(clock, 20);
  }
  await qmp.execute('nbd-server-stop').catch(() => {});
}
