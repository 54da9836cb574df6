// The Debian packages that the guest image is made of: found, fetched, checked and unpacked by apt and dpkg-deb.

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guestImageTexts } from '#/guest-image/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Run, ToolFailure } from '#/platform/process/run.ts';

export interface Package {
  name: string;
  version: string;
  /** Its name in the cache, as apt gives it. */
  file: string;
  sha256: string;
}

const kernel = 'linux-image-cloud-amd64';

/** Programs, and the libraries that they load. */
const wanted = [
  ...'busybox-static dropbear-bin libc6 libcrypt1 libtomcrypt1 libtommath1 libgmp10 zlib1g'.split(' '),
  ...'e2fsprogs libext2fs2 libcom-err2 libblkid1 libuuid1 libss2'.split(' '),
  ...'util-linux libmount1 libsmartcols1 libudev1 libselinux1 libpcre2-8-0 libtinfo6'.split(' '),
  ...'sudo libpam0g libpam-modules libaudit1 libcap-ng0 openssh-sftp-server'.split(' '),
  ...'qemu-guest-agent libglib2.0-0 libnuma1 liburing2 libffi8 libgcc-s1'.split(' '),
  ...'grub-pc-bin grub-common libdevmapper1.02.1 liblzma5 libefiboot1 libefivar1 libfuse3-3'.split(' '),
];

/** Lets root fetch into a directory that apt's own user may not write to. */
const asIs = ['-o', 'APT::Sandbox::User=root'];
const slowMs = 600_000;

/** What apt would fetch now. Reads the archive's lists once, where they are missing. @throws Problem unavailable */
export async function findPackages(run: Run): Promise<Package[]> {
  try {
    return await find(run).catch(async () => {
      await run(['apt-get', '-qq', 'update'], { timeoutMs: slowMs });
      return find(run);
    });
  } catch (cause) {
    const reason = cause instanceof ToolFailure ? cause.reason : String(cause);
    throw new Problem('unavailable', guestImageTexts.noPackages, { reason }, { cause });
  }
}

async function find(run: Run): Promise<Package[]> {
  const { stdout: depends } = await run(['apt-cache', 'depends', kernel]);
  const image = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!image) throw new Error(`${kernel} is not in the lists`);
  const { stdout } = await run(['apt-get', '-qq', '--print-uris', 'download', image, ...wanted]);
  const packages: Package[] = [];
  for (const [, file, sha256] of stdout.matchAll(/^'[^']+' (\S+) \d+ SHA256:([0-9a-f]{64})$/gm)) {
    const [name, version] = file!.split('_');
    packages.push({ name: name!, version: decodeURIComponent(version!), file: file!, sha256: sha256! });
  }
  if (packages.length !== wanted.length + 1)
    throw new Error(`${wanted.length + 1} packages wanted, ${packages.length} found`);
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Brings those into the cache that are not there yet. @throws Problem invalid when one is not what the lists say */
export async function fetchPackages(run: Run, packages: Package[], cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const missing: Package[] = [];
  for (const item of packages) if ((await checksum(join(cache, item.file))) !== item.sha256) missing.push(item);
  if (missing.length === 0) return;
  const names = missing.map(({ name, version }) => `${name}=${version}`);
  await run(['apt-get', '-qq', ...asIs, 'download', ...names], { cwd: cache, timeoutMs: slowMs });
  for (const { file, name, sha256 } of missing)
    if ((await checksum(join(cache, file))) !== sha256)
      throw new Problem('invalid', guestImageTexts.badPackage, { name });
}

/** Unpacks all of them over each other. */
export async function unpackPackages(run: Run, packages: Package[], cache: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  for (const { file } of packages) await run(['dpkg-deb', '--extract', join(cache, file), into], { timeoutMs: slowMs });
}

async function checksum(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    return null;
  }
}
