// Image bytes on disk: written beside, hashed and judged as they come, synced, then named by the image's id. A file with
// an image's name is therefore always whole.

import { createHash } from 'node:crypto';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ImageFacts, ImageInspector, isDeclaredAs } from '#/lib/image-format/image-format.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { syncDirectory } from '#/platform/files/write-whole.ts';
import { type Digest, type Digests, openDigest } from '#/services/image/data/digest.ts';
import { spacedSync } from '#/services/image/data/spaced-sync.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface StoredData extends Digests {
  sizeBytes: number;
  virtualSizeBytes: number | null;
  /** False when nothing of the declared format was found in it. */
  formatProven: boolean;
}

export interface ReceiveOptions {
  /** Where it is written until it is whole. */
  part: string;
  diskFormat: string;
  maxBytes: number;
  overLimit: Problem;
  /** Called now and then while data comes. @throws to stop */
  alive?(bytes: number): Promise<void>;
}

/**
 * Writes a stream to `part`, synced; memory stays bounded however long it is. On any failure nothing is left.
 * @throws Problem tooLarge, unsupported (another format than declared, or a hostile one), unavailable (no room)
 */
export async function receive(source: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<StoredData> {
  await mkdir(dirname(options.part), { recursive: true });
  const file = await open(options.part, 'w', 0o600);
  const digest = lateDigest();
  const disk = spacedSync(file);
  const blocks = ringOfBlocks(block => Promise.all([disk.write(block), digest.update(block)]));
  const inspector = new ImageInspector();
  let sizeBytes = 0;
  let judged = false;
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > options.maxBytes) throw options.overLimit;
      inspector.feed(chunk);
      // What is wrong already in its head is refused before the rest is sent.
      if (!judged && inspector.headComplete) {
        judged = true;
        judgeHead(inspector.facts(2 ** 49), options.diskFormat);
      }
      await blocks.add(chunk);
      release(chunk);
      await options.alive?.(sizeBytes);
    }
    await blocks.end();
    const facts = inspector.facts();
    const formatProven = judge(facts, options.diskFormat);
    await disk.finish();
    const digests = await digest.finish();
    await file.close();
    return { ...digests, sizeBytes, virtualSizeBytes: facts.virtualSizeBytes, formatProven };
  } catch (error) {
    await blocks.end().catch(() => {});
    await disk.finish().catch(() => {});
    digest.drop();
    await file.close().catch(() => {});
    await rm(options.part, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC' || (error as NodeJS.ErrnoException).code === 'EDQUOT')
      throw new Problem('unavailable', t.noSpace, {}, { cause: error });
    throw error;
  }
}

/** A stream that ends within one block is hashed here, at its end: that is sooner done than a thread is started. */
function lateDigest(): Digest {
  let digest: Digest | null = null;
  let short: Uint8Array | null = null;
  return {
    async update(block) {
      if (!digest && block.length < blockBytes) short = block;
      else await (digest ??= openDigest()).update(block);
    },
    async finish() {
      return digest ? digest.finish() : { md5: hashOf('md5', short), sha512: hashOf('sha512', short) };
    },
    drop: () => digest?.drop(),
  };
}

function hashOf(algorithm: string, bytes: Uint8Array | null): string {
  return createHash(algorithm)
    .update(bytes ?? '')
    .digest('hex');
}

const blockBytes = 512 << 10;
const blockCount = 4;
/** Longer than anything that comes out of a pool. */
const ownMemoryBytes = 16 << 10;

/** Gathers chunks in a ring of blocks: while one is filled, `flush` has the others, in their order. */
function ringOfBlocks(flush: (block: Uint8Array<SharedArrayBuffer>) => Promise<unknown>) {
  const blocks = Array.from({ length: blockCount }, () => ({
    memory: null as Uint8Array<SharedArrayBuffer> | null,
    flushed: Promise.resolve() as Promise<unknown>,
  }));
  let turn = 0;
  let filled = 0;
  async function next(): Promise<void> {
    const block = blocks[turn]!;
    block.flushed = flush(block.memory!.subarray(0, filled));
    // Whoever waits for it sees the failure; until then it must not count as nobody's.
    block.flushed.catch(() => {});
    turn = (turn + 1) % blockCount;
    filled = 0;
    await blocks[turn]!.flushed;
  }
  return {
    async add(chunk: Buffer): Promise<void> {
      for (let at = 0; at < chunk.length; ) {
        const memory = (blocks[turn]!.memory ??= new Uint8Array(new SharedArrayBuffer(blockBytes)));
        const part = chunk.subarray(at, at + blockBytes - filled);
        memory.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === blockBytes) await next();
      }
    },
    /** Flushes the rest and waits for all. */
    async end(): Promise<void> {
      if (filled > 0) await next();
      await Promise.all(blocks.map(block => block.flushed));
    },
  };
}

/** Gives back a chunk's memory at once: waiting for the collector, gigabytes on their way would be many megabytes here. */
function release(chunk: Buffer): void {
  // Only memory that is the chunk's alone.
  if (chunk.length >= ownMemoryBytes && chunk.length === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer)
    chunk.buffer.transfer(0);
}

/** Formats whose absence in the bytes does no harm until someone opens them. */
const unprovable = ['vhd', 'vhdx', 'vmdk', 'vdi', 'ploop', 'iso'];

/** @returns whether the content proves the declared format @throws Problem unsupported when it speaks against it */
function judge(facts: ImageFacts, declared: string): boolean {
  if (facts.problems.length > 0) throw hostile(facts);
  if (isDeclaredAs(facts, declared)) return true;
  if (facts.format === 'raw' && unprovable.includes(declared)) return false;
  throw new Problem('unsupported', t.wrongFormat, { declared, real: facts.format });
}

function judgeHead(facts: ImageFacts, declared: string): void {
  const soon = facts.problems.filter(problem => problem !== 'truncated');
  if (soon.length > 0) throw hostile({ ...facts, problems: soon });
  if (facts.format !== 'raw' && !isDeclaredAs(facts, declared))
    throw new Problem('unsupported', t.wrongFormat, { declared, real: facts.format });
}

function hostile({ format, problems }: ImageFacts): Problem {
  return new Problem('unsupported', t.hostile, { real: format, problems });
}

/** Gives the written part its final name; it is never written to again. */
export async function keep(part: string, file: string): Promise<void> {
  await chmod(part, 0o444);
  await rename(part, file);
  await syncDirectory(dirname(file));
}

/** Removes a file of the store; nothing happens when it is gone. */
export async function discard(file: string): Promise<void> {
  await rm(file, { force: true });
}
