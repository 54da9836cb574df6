// Tries what networking needs of the kernel, in a network namespace of its own that is removed again.

import { existsSync } from 'node:fs';
import type { Run } from '#/platform/process/run.ts';
import { ToolFailure } from '#/platform/process/run.ts';

/** What does not work, with the reason of the first. Needs root. */
export async function tryKernel(run: Run): Promise<{ missing: string[]; reason: string }> {
  const space = `haneul-doctor-${process.pid}`;
  const missing: string[] = [];
  let reason = '';
  async function attempt(what: string, command: readonly [string, ...string[]]): Promise<boolean> {
    try {
      await run(command, { timeoutMs: 10_000 });
      return true;
    } catch (err) {
      if (!(err instanceof ToolFailure)) throw err;
      missing.push(what);
      reason ||= err.reason;
      return false;
    }
  }
  if (!(await attempt('namespaces', ['ip', 'netns', 'add', space]))) return { missing, reason };
  try {
    await attempt('bridge', ['ip', '-n', space, 'link', 'add', 'br0', 'type', 'bridge']);
    await attempt('veth', ['ip', '-n', space, 'link', 'add', 've0', 'type', 'veth', 'peer', 'name', 've1']);
    await attempt('tap', ['ip', '-n', space, 'tuntap', 'add', 'tap0', 'mode', 'tap']);
    await attempt('vxlan', [
      'ip',
      '-n',
      space,
      'link',
      'add',
      'vx0',
      'type',
      'vxlan',
      'id',
      '1',
      'dstport',
      '4789',
      'local',
      '127.0.0.1',
    ]);
    await attempt('nftables', [
      'ip',
      'netns',
      'exec',
      space,
      'nft',
      'add table inet trial; add chain inet trial c { type filter hook forward priority 0; }; add rule inet trial c ct state established accept',
    ]);
    // Made when the module is loaded; security groups stand on it.
    if (!existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')) missing.push('br_netfilter');
  } finally {
    await run(['ip', 'netns', 'delete', space], { allow: [1] });
  }
  return { missing, reason };
}
