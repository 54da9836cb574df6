// The guest's root file system: Debian's programs with their libraries, our scripts, and a few files in /etc.

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { guestImageTexts } from '#/guest-image/texts.ts';
import { Tree } from '#/guest-image/tree.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Run } from '#/platform/process/run.ts';

/** Who logs in. Cloud test suites know these by heart. */
export const login = { user: 'cirros', password: 'gocubsgo' };

/** The label by which the initramfs knows its root. */
export const rootLabel = 'haneul-root';

const programs = [
  ...'dropbear dropbearkey dbclient mke2fs e2fsck resize2fs tune2fs dumpe2fs lsblk blkid'.split(' '),
  ...'findmnt lscpu mkfs wipefs sudo qemu-ga'.split(' '),
];
/** Applets that would hide a real program, or are none of a guest's business. */
const unwanted = new Set(['busybox', 'linuxrc', 'init', 'dpkg', 'dpkg-deb', 'rpm', 'rpm2cpio', 'mke2fs']);

const libraries = '/usr/lib/x86_64-linux-gnu';

/** Our own files of the root file system. */
export const scripts = join(import.meta.dirname, 'rootfs');

/** The dynamic loader of the unpacked packages, as the start of a command that runs their programs here. */
export function loaderOf(unpacked: string): [string, ...string[]] {
  const places = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'usr/libexec/sudo', 'usr/lib/sudo'];
  const path = places.map(place => join(unpacked, place)).join(':');
  return [join(unpacked, 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), '--library-path', path];
}

/** Stages the root file system. @param busybox the unpacked, static one */
export async function rootTree(run: Run, unpacked: string, busybox: string): Promise<Tree> {
  const tree = new Tree();
  for (const [path, target] of [
    ['/bin', 'usr/bin'],
    ['/sbin', 'usr/bin'],
    ['/usr/sbin', 'bin'],
    ['/lib', 'usr/lib'],
    ['/lib64', 'usr/lib64'],
    ['/var/run', '../run'],
    ['/var/lock', '../run/lock'],
    ['/etc/mtab', '../proc/mounts'],
    ['/etc/resolv.conf', '../run/resolv.conf'],
  ] as const)
    tree.link(path, target);
  for (const path of [
    '/dev',
    '/proc',
    '/sys',
    '/run',
    '/mnt',
    '/media',
    '/opt',
    '/srv',
    '/boot',
    '/var/log',
    '/var/lib',
  ])
    tree.folder(path);
  for (const path of ['/usr/local/bin', '/usr/local/sbin', '/etc/dropbear']) tree.folder(path);
  for (const path of ['/tmp', '/var/tmp']) tree.folder(path, 0o1777);
  tree.folder('/root', 0o700);
  const owner = { uid: 1000, gid: 1000 };
  tree.folder(`/home/${login.user}`, 0o755, owner);
  tree.folder(`/home/${login.user}/.ssh`, 0o700, owner);

  await addPrograms(run, tree, unpacked, busybox);
  await addScripts(tree);
  await addSettings(run, tree, busybox);
  return tree;
}

async function addPrograms(run: Run, tree: Tree, unpacked: string, busybox: string): Promise<void> {
  const [loader, ...options] = loaderOf(unpacked);
  tree.file('/usr/lib64/ld-linux-x86-64.so.2', await readFile(loader), 0o755);

  async function install(from: string, to: string, mode = 0o755): Promise<void> {
    tree.file(to, await readFile(from), mode);
    const { stdout } = await run([loader, ...options, '--list', from]);
    for (const line of stdout.split('\n')) {
      // The loader itself is listed by its path; it is there already.
      const [, name, path] = /^\s*([^\s/]+) => (\S+)/.exec(line) ?? [];
      if (!name || !path) continue;
      if (!path.startsWith(unpacked)) throw new Problem('unavailable', guestImageTexts.notInPackages, { name });
      const place = name.startsWith('libsudo_util') ? '/usr/libexec/sudo' : libraries;
      if (!tree.has(`${place}/${name}`)) tree.file(`${place}/${name}`, await readFile(path), 0o755);
    }
  }

  tree.file('/usr/bin/busybox', await readFile(busybox), 0o755);
  for (const name of programs)
    await install(await findProgram(unpacked, name), `/usr/bin/${name}`, name === 'sudo' ? 0o4755 : 0o755);
  await install(join(unpacked, 'usr/lib/openssh/sftp-server'), '/usr/lib/sftp-server');
  const sudo = (await exists(join(unpacked, 'usr/libexec/sudo'))) ? '/usr/libexec/sudo' : '/usr/lib/sudo';
  await install(join(unpacked, sudo, 'sudoers.so'), `${sudo}/sudoers.so`);
  const pam = 'security/pam_permit.so';
  await install(join(unpacked, 'lib/x86_64-linux-gnu', pam), `${libraries}/${pam}`);
  tree.file('/etc/mke2fs.conf', await readFile(join(unpacked, 'etc/mke2fs.conf')));

  const { stdout: applets } = await run([busybox, '--list']);
  for (const name of applets.trim().split('\n'))
    if (!unwanted.has(name) && !tree.has(`/usr/bin/${name}`)) tree.link(`/usr/bin/${name}`, 'busybox');
  tree.link('/usr/bin/init', 'busybox');
  tree.link('/usr/bin/ssh', 'dbclient');
  for (const version of [2, 3, 4]) {
    tree.link(`/usr/bin/mkfs.ext${version}`, 'mke2fs');
    tree.link(`/usr/bin/fsck.ext${version}`, 'e2fsck');
  }
}

async function addScripts(tree: Tree): Promise<void> {
  for (const path of await readdir(scripts, { recursive: true })) {
    if (path.startsWith('initramfs') || (await stat(join(scripts, path))).isDirectory()) continue;
    const content = await readFile(join(scripts, path));
    tree.file(`/${path}`, content, content.subarray(0, 2).toString() === '#!' ? 0o755 : 0o644);
  }
}

async function addSettings(run: Run, tree: Tree, busybox: string): Promise<void> {
  const { user, password } = login;
  const { stdout: hash } = await run([busybox, 'mkpasswd', '-m', 'sha512', '-S', 'haneulguest', '-P', '0'], {
    input: `${password}\n`,
  });
  const file = (path: string, lines: string[], mode = 0o644): void =>
    tree.file(`/etc/${path}`, `${lines.join('\n')}\n`, mode);
  file('passwd', [
    'root:x:0:0:root:/root:/bin/sh',
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
    `${user}:x:1000:1000:guest:/home/${user}:/bin/sh`,
  ]);
  file('group', ['root:x:0:', 'tty:x:5:', 'disk:x:6:', `sudo:x:27:${user}`, 'nogroup:x:65534:', `${user}:x:1000:`]);
  file(
    'shadow',
    ['root:*:19000:0:99999:7:::', 'nobody:*:19000:0:99999:7:::', `${user}:${hash.trim()}:19000:0:99999:7:::`],
    0o640,
  );
  file('shells', ['/bin/sh']);
  file('hostname', ['haneul']);
  file('hosts', ['127.0.0.1 localhost', '::1 localhost']);
  file('fstab', ['# The root file system is mounted before this is read.']);
  file('nsswitch.conf', ['passwd: files', 'group: files', 'shadow: files', 'hosts: files dns']);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  file(
    'sudoers',
    [
      `Defaults !fqdn, !syslog, !lecture, secure_path="${path}"`,
      'root ALL=(ALL:ALL) NOPASSWD: ALL',
      '%sudo ALL=(ALL:ALL) NOPASSWD: ALL',
    ],
    0o440,
  );
  for (const service of ['sudo', 'other'])
    file(
      `pam.d/${service}`,
      ['auth', 'account', 'password', 'session'].map(step => `${step} sufficient pam_permit.so`),
    );
  file('profile', [`export PATH=${path}`, "export PS1='\\u@\\h:\\w\\$ '"]);
  file('issue', ['Haneul test guest (\\r on \\m)', `login: ${user}, password: ${password}`, '']);
  file('os-release', ['NAME="Haneul test guest"', 'ID=haneul-tiny', 'ID_LIKE=debian']);
  // What the power button does (ACPI).
  file('acpi/PWRF/00000080', ['#!/bin/sh', 'exec poweroff'], 0o755);
}

async function findProgram(unpacked: string, name: string): Promise<string> {
  for (const folder of ['usr/sbin', 'usr/bin', 'sbin', 'bin'])
    if (await exists(join(unpacked, folder, name))) return realpath(join(unpacked, folder, name));
  throw new Problem('unavailable', guestImageTexts.notInPackages, { name: basename(name) });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
