// The image that a new cloud comes with, so that a server can be started at once.

import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newUuid, type Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { newId, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { keep, receive, type StoredData } from '#/services/image/data/image-files.ts';
import { columnsOf } from '#/services/image/data/data.api.ts';
import { blankImage } from '#/services/image/images/image.api.ts';
import { emptyDraft } from '#/services/image/images/image.rules.ts';
import { fileOf, insertImage } from '#/services/image/images/image.store.ts';
import { tables } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface GuestImageFiles {
  /** A whole disk (raw or qcow2), or the root disk that kernel and ramdisk boot. */
  disk: string;
  diskFormat: 'raw' | 'qcow2';
  kernel?: string;
  ramdisk?: string;
  /** What the kernel is told. */
  commandLine?: string;
}

export interface GuestImage {
  name: string;
  projectId: string;
  files: GuestImageFiles;
  properties?: Record<string, string>;
}

/**
 * Registers a public image from files of this machine, unless one of that name is there. The bytes are copied into the
 * store first, outside of any transaction. @returns its id, or null when it was there
 */
export async function registerGuestImage(
  { db, random }: { db: Database; random: Random },
  image: GuestImage,
): Promise<string | null> {
  const known = await db.read(tx => findByName(tx, image.name, image.projectId));
  if (known) return null;
  const { files, projectId } = image;
  const parts: { role: 'kernel' | 'ramdisk' | 'disk'; file: string; format: string }[] = [];
  if (files.kernel) parts.push({ role: 'kernel', file: files.kernel, format: 'aki' });
  if (files.ramdisk) parts.push({ role: 'ramdisk', file: files.ramdisk, format: 'ari' });
  parts.push({ role: 'disk', file: files.disk, format: files.diskFormat });
  const stored: { id: string; role: string; format: string; data: StoredData }[] = [];
  for (const { role, file, format } of parts) {
    const id = newUuid(random);
    stored.push({ id, role, format, data: await copyIntoStore(db, id, file, format) });
  }
  const idOf = (role: string): string | undefined => stored.find(part => part.role === role)?.id;
  await db.write(async tx => {
    for (const { id, role, format, data } of stored) {
      const boot = { kernel_id: idOf('kernel'), ramdisk_id: idOf('ramdisk'), os_command_line: files.commandLine };
      const given = Object.entries(boot).filter((entry): entry is [string, string] => entry[1] !== undefined);
      await insertImage(tx, {
        ...blankImage(tx, id),
        ...emptyDraft(projectId),
        ...columnsOf(data),
        status: 'active',
        visibility: 'public',
        name: role === 'disk' ? image.name : `${image.name}-${role}`,
        diskFormat: format,
        containerFormat: role === 'disk' ? 'bare' : format,
        properties: role === 'disk' ? { ...Object.fromEntries(given), ...image.properties } : {},
      });
    }
  });
  return idOf('disk') ?? null;
}

async function copyIntoStore(db: Database, id: string, from: string, diskFormat: string): Promise<StoredData> {
  const file = await db.read(tx => fileOf(tx, id));
  const part = `${file}.part`;
  const overLimit = new Problem('tooLarge', t.tooLarge, { limit: Number.MAX_SAFE_INTEGER });
  const source = createReadStream(from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  const data = await receive(source, { part, diskFormat, maxBytes: Number.MAX_SAFE_INTEGER, overLimit });
  await keep(part, file);
  return data;
}

/**
 * Registers what `up` built into a directory, where there is something: the disk, and the kernel and ramdisk that boot it
 * without a boot loader.
 */
export async function registerBuiltImage(
  parts: { db: Database; random: Random },
  { directory, projectId }: { directory: string; projectId: string },
): Promise<string | null> {
  const at = (name: string): string => join(directory, name);
  const disk = at('haneul-tiny.qcow2');
  if (!existsSync(disk)) return null;
  const direct = existsSync(at('haneul-tiny-vmlinuz')) && existsSync(at('haneul-tiny-initrd'));
  const files: GuestImageFiles = { disk, diskFormat: 'qcow2' };
  if (direct) {
    files.kernel = at('haneul-tiny-vmlinuz');
    files.ramdisk = at('haneul-tiny-initrd');
    files.commandLine = (await readFile(at('cmdline'), 'utf8')).trim();
  }
  const properties = { os_admin_user: 'cirros', os_distro: 'haneul', architecture: 'x86_64', hw_rng_model: 'virtio' };
  return registerGuestImage(parts, { name: 'haneul-tiny', projectId, files, properties });
}

/**
 * For simulated hosts, which boot nothing: a small raw image under the name that suites look for.
 * @returns its id, or null when it was there
 */
export async function registerSimulatedImage(
  { db }: { db: Database },
  image: { name: string; projectId: string },
): Promise<string | null> {
  if (await db.read(tx => findByName(tx, image.name, image.projectId))) return null;
  const id = await db.read(async tx => newId(tx));
  const file = await db.read(tx => fileOf(tx, id));
  const overLimit = new Problem('tooLarge', t.tooLarge, { limit: simulatedBytes });
  const part = `${file}.part`;
  const data = await receive(emptyDisk(), { part, diskFormat: 'raw', maxBytes: simulatedBytes, overLimit });
  await keep(part, file);
  await db.write(async tx => {
    await insertImage(tx, {
      ...blankImage(tx, id),
      ...emptyDraft(image.projectId),
      ...columnsOf(data),
      status: 'active',
      visibility: 'public',
      name: image.name,
      diskFormat: 'raw',
      containerFormat: 'bare',
      properties: { os_admin_user: 'cirros' },
    });
  });
  return id;
}

const simulatedBytes = 1 << 20;

async function* emptyDisk(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(simulatedBytes);
}

async function findByName(tx: Tx, name: string, projectId: string): Promise<{ id: string } | undefined> {
  return tables(tx)
    .selectFrom('images')
    .select('id')
    .where('name', '=', name)
    .where('projectId', '=', projectId)
    .where('status', '!=', 'deleted')
    .executeTakeFirst();
}
