// Base images on the host: linked or copied from the store, checked, and never written to again.

import {
  chmod,
  chown,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseImage } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { publishFile, writeWhole } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { checkQcow2, checkVdi, checkVhd, checkVmdk, type Verdict } from './image-header.ts';
import { idOf, isUuid } from './paths.ts';
import { type GuestUser, unprivileged } from './process.ts';

/** What stands in `<image id>.json`. */
export interface KeptImage {
  path: string;
  format: 'raw' | 'qcow2';
  virtualSizeBytes: number;
  /** As the image service calls it. */
  diskFormat: BaseImage['format'];
  sha512: string;
}

export interface Images {
  list(): Promise<BaseImage['key'][]>;
  ensure(image: BaseImage): Promise<KeptImage>;
  /** @throws Problem notFound */
  find(key: BaseImage['key']): Promise<KeptImage>;
  remove(key: BaseImage['key']): Promise<void>;
}

/** qemu-img's names of what must be converted. */
const foreign = { vmdk: 'vmdk', vdi: 'vdi', vhd: 'vpc' } as const;
const convertLimits = ['--as=2147483648', '--cpu=900', '--nofile=64'];
const convertTimeoutMs = 1_200_000;

/** Brings an image's bytes to a file when the store is on another machine. */
export type FetchImage = (image: BaseImage, target: string) => Promise<void>;

export function keepImages(directory: string, user: GuestUser, tools: Tools, fetchImage?: FetchImage): Images {
  const images = join(directory, 'images');
  const record = (id: string): string => join(images, `${id}.json`);

  async function known(id: string): Promise<KeptImage | null> {
    try {
      const kept = JSON.parse(await readFile(record(id), 'utf8')) as Omit<KeptImage, 'path'>;
      const path = join(images, id);
      return (await lstat(path)).isFile() ? { ...kept, path } : null;
    } catch {
      return null;
    }
  }

  return {
    async list() {
      const names = await readdir(images).catch(() => []);
      return names.filter(isUuid).map(id => `image/${id}` as const);
    },
    async find(key) {
      const id = idOf('image', key);
      const kept = await known(id);
      if (!kept) throw new Problem('notFound', hypervisorTexts.imageMissing, { image: id });
      return kept;
    },
    async ensure(image) {
      const id = idOf('image', image.key);
      const kept = await known(id);
      if (kept?.sha512 === image.sha512) return kept;
      if (image.source.kind !== 'file') throw new Problem('unsupported', hypervisorTexts.imageSource, { image: id });
      await mkdir(images, { recursive: true, mode: 0o755 });
      const path = join(images, id);
      const fresh = join(images, `.${id}.new`);
      await rm(fresh, { recursive: true, force: true });
      try {
        if (fetchImage) await fetchImage(image, fresh);
        else await bring(image.source.path, fresh);
        await keepFromChange(fresh, image);
        await checkBytes(fresh, image, tools);
        const facts = await inspect(fresh, image);
        if (image.format in foreign) await convert(fresh, image, images, user, tools);
        const { format, virtualSizeBytes } = image.format in foreign ? await converted(fresh, image) : facts;
        await publishFile(fresh, path);
        const written: KeptImage = { path, format, virtualSizeBytes, diskFormat: image.format, sha512: image.sha512 };
        await writeWhole(record(id), JSON.stringify({ ...written, path: undefined }));
        return written;
      } finally {
        await rm(fresh, { force: true });
      }
    },
    async remove(key) {
      const id = idOf('image', key);
      await rm(record(id), { force: true });
      await rm(join(images, id), { force: true });
    },
  };
}

/** Links the store's file, or copies it where the store is on another file system. */
async function bring(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

async function keepFromChange(path: string, { key }: BaseImage): Promise<void> {
  if (!(await lstat(path)).isFile()) throw new Error(`${key} is no plain file`);
  await chown(path, 0, 0);
  await chmod(path, 0o444);
}

/** Size first, then the checksum, by a process of its own: hashing gigabytes must not hold up the agent. */
async function checkBytes(path: string, image: BaseImage, tools: Tools): Promise<void> {
  const actual = (await lstat(path)).size;
  if (actual !== image.sizeBytes)
    throw new Problem('invalid', hypervisorTexts.imageSize, { image: image.key, actual, expected: image.sizeBytes });
  const { stdout } = await tools.run(['sha512sum', '--binary', path], { timeoutMs: 1_800_000 });
  const sha512 = stdout.replace(/^\\/, '').slice(0, 128);
  if (sha512 !== image.sha512.toLowerCase())
    throw new Problem('invalid', hypervisorTexts.imageChecksum, {
      image: image.key,
      actual: sha512,
      expected: image.sha512,
    });
}

async function inspect(path: string, image: BaseImage): Promise<{ format: 'raw' | 'qcow2'; virtualSizeBytes: number }> {
  const file = await open(path, 'r');
  let verdict: Verdict;
  try {
    const { size } = await file.stat();
    const footer = image.format === 'vhd';
    const head = Buffer.alloc(Math.min(size, footer ? 512 : 1 << 16));
    await file.read(head, 0, head.length, footer ? Math.max(0, size - 512) : 0);
    verdict = checkHead(image.format, head, size);
  } finally {
    await file.close();
  }
  if (!verdict.ok)
    throw new Problem('invalid', hypervisorTexts.imageFormat, {
      image: image.key,
      format: image.format,
      reason: verdict.reason,
    });
  return { format: image.format === 'qcow2' ? 'qcow2' : 'raw', virtualSizeBytes: verdict.virtualSizeBytes };
}

function checkHead(format: BaseImage['format'], head: Buffer, size: number): Verdict {
  if (format === 'qcow2') return checkQcow2(head);
  if (format === 'vmdk') return checkVmdk(head);
  if (format === 'vdi') return checkVdi(head);
  if (format === 'vhd') return checkVhd(head);
  return { ok: true, virtualSizeBytes: size };
}

/** Rewrites a foreign disk as qcow2, by the guest user in a directory of its own, under limits. */
async function convert(path: string, image: BaseImage, images: string, user: GuestUser, tools: Tools): Promise<void> {
  const workshop = join(images, `.convert-${newUuid(tools.random)}`);
  const result = join(workshop, 'disk.qcow2');
  await mkdir(workshop, { mode: 0o700 });
  try {
    await chown(workshop, user.uid, user.gid);
    const from = foreign[image.format as keyof typeof foreign];
    await tools.run(
      [...unprivileged(user, convertLimits), 'qemu-img', 'convert', '-f', from, '-O', 'qcow2', path, result],
      {
        timeoutMs: convertTimeoutMs,
      },
    );
    // The directory becomes root's first, so that what is checked is what is moved.
    await chown(workshop, 0, 0);
    if (!(await lstat(result)).isFile()) throw new Error('the converted disk is no plain file');
    await chown(result, 0, 0);
    await chmod(result, 0o444);
    await rename(result, path);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(
      'invalid',
      hypervisorTexts.imageFormat,
      { image: image.key, format: image.format, reason },
      { cause },
    );
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

function converted(path: string, image: BaseImage): Promise<{ format: 'raw' | 'qcow2'; virtualSizeBytes: number }> {
  return inspect(path, { ...image, format: 'qcow2' });
}
