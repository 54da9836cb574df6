// The Debian packages that a host needs, and installing those that are missing.

import { existsSync } from 'node:fs';
import { Problem } from '#/platform/problem/problem.ts';
import type { Run } from '#/platform/process/run.ts';
import { ToolFailure } from '#/platform/process/run.ts';
import { cliTexts as t } from './texts.ts';

/** Package → what it is for, so that nobody has to guess. */
const everywhere: Record<string, string> = {
  'qemu-utils': 'disks and images',
  'dnsmasq-base': 'DHCP and DNS for guests',
  nftables: 'security groups and NAT',
  iproute2: 'bridges, namespaces and routes',
  conntrack: 'ending flows that rules no longer allow',
  'iputils-arping': 'announcing floating IP addresses',
  keepalived: 'highly available routers',
  genisoimage: 'config drives',
  'openssh-client': 'key pairs',
  e2fsprogs: 'file systems of guest images',
  kmod: 'loading kernel modules',
  procps: 'settings of the kernel',
};
const perArchitecture: Partial<Record<NodeJS.Architecture, Record<string, string>>> = {
  x64: { 'qemu-system-x86': 'guests' },
  arm64: { 'qemu-system-arm': 'guests', 'qemu-efi-aarch64': 'firmware of guests' },
};

/** On the first machine of a cluster. */
export const busPackage = 'nats-server';

/** Programs that stand for the packages on systems that are not Debian. */
const programs = [
  'qemu-img',
  'qemu-storage-daemon',
  'dnsmasq',
  'nft',
  'ip',
  'conntrack',
  'arping',
  'keepalived',
  'genisoimage',
  'ssh-keygen',
  'mkfs.ext4',
];

export function neededPackages(architecture: NodeJS.Architecture = process.arch): string[] {
  return [...Object.keys(everywhere), ...Object.keys(perArchitecture[architecture] ?? {})].sort();
}

export function isDebian(): boolean {
  return existsSync('/usr/bin/dpkg-query') && existsSync('/usr/bin/apt-get');
}

/** Those of `packages` that are not installed. */
export async function missingPackages(run: Run, packages = neededPackages()): Promise<string[]> {
  // Status 1: dpkg has never heard of one of them.
  const { stdout } = await run(['dpkg-query', '-W', '-f=${Package}\\t${db:Status-Status}\\n', ...packages], {
    allow: [1],
  });
  const installed = new Set(
    stdout.split('\n').flatMap(line => (line.endsWith('\tinstalled') ? [line.split('\t')[0]!] : [])),
  );
  return packages.filter(name => !installed.has(name));
}

export function missingPrograms(): string[] {
  const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return programs.filter(name => !directories.some(directory => existsSync(`${directory}/${name}`)));
}

/** Installs packages as root; waits for another apt to finish. @throws Problem unavailable with apt's reason */
export async function installPackages(run: Run, packages: string[]): Promise<void> {
  const apt = (...args: string[]): ReturnType<Run> =>
    run(['apt-get', '-o', 'DPkg::Lock::Timeout=900', '-o', 'APT::Color=0', '-q', ...args], {
      timeoutMs: 1_800_000,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      maxOutputBytes: 64 << 20,
    });
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  try {
    await apt(...install);
  } catch (first) {
    if (!(first instanceof ToolFailure)) throw first;
    // The lists may be absent or old.
    try {
      await apt('update');
      await apt(...install);
    } catch (cause) {
      if (!(cause instanceof ToolFailure)) throw cause;
      throw new Problem('unavailable', t.aptFailed, { packages, reason: cause.reason }, { cause });
    }
  }
}
