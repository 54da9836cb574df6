// The system users: the control plane and the guests each run as their own, without a shell, a home or a password.
// Clouds on one machine share them.

import { readFileSync } from 'node:fs';
import type { Run } from '#/platform/process/run.ts';

export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

export const controlUserName = 'haneul';
export const guestUserName = 'haneul-guest';
export const busUserName = 'haneul-bus';

/** Null when there is none. Asks the name service, so that users of a directory count. */
export async function findUser(run: Run, name: string): Promise<SystemUser | null> {
  const { stdout, status } = await run(['getent', 'passwd', name], { allow: [2] });
  const [, , uid, gid] = stdout.split('\n')[0]!.split(':');
  return status === 0 && uid && gid ? { name, uid: Number(uid), gid: Number(gid) } : null;
}

export async function ensureUser(run: Run, name: string): Promise<SystemUser> {
  const found = await findUser(run, name);
  if (found) return found;
  // Guests may use KVM where the machine has it.
  const groups = name === guestUserName && /^kvm:/m.test(readFileSync('/etc/group', 'utf8')) ? ['--groups', 'kvm'] : [];
  const home = ['--home-dir', '/nonexistent', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  // Status 9: another `up` made it in the meantime.
  await run(['useradd', '--system', '--user-group', ...home, ...groups, name], { allow: [9] });
  return (await findUser(run, name))!;
}
