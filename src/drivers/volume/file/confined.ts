// QEMU's tools as an unprivileged user under limits: they read bytes that strangers wrote.

import type { Run } from '#/platform/process/run.ts';

export interface User {
  uid: number;
  gid: number;
}

export interface Limits {
  /** Largest file that the tool may write. */
  fileBytes: number;
  timeoutMs: number;
}

const addressSpaceBytes = 2 * 2 ** 30;

/** Drops every right: what follows runs as `user`, can gain none back, and writes no core. */
export function asUser({ uid, gid }: User): string[] {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--no-new-privs',
  ];
}

/** Runs `qemu-img` without network, with bounded memory, CPU time and output, gone when the agent goes. */
export async function qemuImg(run: Run, user: User, limits: Limits, args: readonly string[]): Promise<void> {
  const seconds = Math.ceil(limits.timeoutMs / 1000);
  await run(
    [
      ...(['prlimit', '--core=0', '--nofile=128', `--as=${addressSpaceBytes}`] as const),
      `--cpu=${seconds}`,
      `--fsize=${Math.ceil(limits.fileBytes)}`,
      'unshare',
      '--net',
      '--',
      ...asUser(user),
      '--pdeathsig=KILL',
      '--',
      'qemu-img',
      ...args,
    ],
    { timeoutMs: limits.timeoutMs },
  );
}
