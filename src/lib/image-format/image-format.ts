// What an image really is, decided from its own first and last bytes: bounded, without any program, and without
// ever throwing, because strangers write those bytes. Rule: one file, one format, nothing outside of itself.

import { inspectQcow2 } from '#/lib/image-format/qcow2.ts';
import { inspectVdi, inspectVhd, inspectVhdx } from '#/lib/image-format/virtual-disks.ts';
import { inspectVmdk } from '#/lib/image-format/vmdk.ts';

/** `raw` is all that has no other format's mark: disks, kernels, compressed bytes. The last row is known, never used. */
export type ImageFormat =
  | 'raw'
  | 'qcow2'
  | 'vmdk'
  | 'vdi'
  | 'vhd'
  | 'iso'
  | 'vhdx'
  | 'qcow'
  | 'qed'
  | 'luks'
  | 'parallels'
  | 'bochs'
  | 'cloop'
  | 'dmg';

/** Why an image must not be opened; each alone is enough. */
export type ImageProblem =
  | 'unsupportedFormat' // a format that we never hand to a hypervisor
  | 'unsupportedVersion'
  | 'backingFile' // its content depends on another image
  | 'dataFile' // its content is in another file
  | 'externalExtent' // names other files, or more than one piece
  | 'encrypted'
  | 'unknownFeature' // needs something that we cannot judge
  | 'damaged' // marked so, or lengths that contradict each other
  | 'truncated' // shorter than its header says
  | 'absurdSize' // no size, or 1 PiB and more
  | 'ambiguous'; // bears the marks of two formats

export interface ImageFacts {
  format: ImageFormat;
  /** What a guest would see; of a raw image its own length. Null where the header does not say. */
  virtualSizeBytes: number | null;
  problems: ImageProblem[];
  /** Of raw images and hybrid ISOs. */
  partitions: 'gpt' | 'mbr' | null;
}

/** What a format's own reader finds. `size` is the image's length in bytes. */
export type FormatReader = (
  head: Buffer,
  size: number,
) => { virtualSizeBytes: number | null; problems: ImageProblem[] };

/** Enough for every header that is looked at. */
export const headBytes = 64 << 10;
export const tailBytes = 512;
const absurdBytes = 2 ** 50;

interface Mark {
  format: ImageFormat;
  at: number;
  bytes: Buffer;
  read: FormatReader;
}

const refused: FormatReader = () => ({ virtualSizeBytes: null, problems: ['unsupportedFormat'] });
const encrypted: FormatReader = () => ({ virtualSizeBytes: null, problems: ['encrypted', 'unsupportedFormat'] });

const marks: Mark[] = [
  { format: 'qcow2', at: 0, bytes: Buffer.from('QFI\xfb', 'latin1'), read: inspectQcow2 },
  { format: 'vmdk', at: 0, bytes: Buffer.from('KDMV'), read: inspectVmdk },
  { format: 'vmdk', at: 0, bytes: Buffer.from('COWD'), read: inspectVmdk },
  { format: 'vmdk', at: 0, bytes: Buffer.from('# Disk DescriptorFile'), read: inspectVmdk },
  { format: 'vhd', at: 0, bytes: Buffer.from('conectix'), read: inspectVhd },
  { format: 'vhdx', at: 0, bytes: Buffer.from('vhdxfile'), read: inspectVhdx },
  { format: 'qed', at: 0, bytes: Buffer.from('QED\0'), read: refused },
  { format: 'luks', at: 0, bytes: Buffer.from('LUKS\xba\xbe', 'latin1'), read: encrypted },
  { format: 'parallels', at: 0, bytes: Buffer.from('WithoutFreeSpace'), read: refused },
  { format: 'parallels', at: 0, bytes: Buffer.from('WithouFreSpacExt'), read: refused },
  { format: 'bochs', at: 0, bytes: Buffer.from('Bochs Virtual HD Image'), read: refused },
  { format: 'cloop', at: 0, bytes: Buffer.from('#!/bin/sh\n#V2.0 Format\n'), read: refused },
  { format: 'vdi', at: 64, bytes: Buffer.from([0x7f, 0x10, 0xda, 0xbe]), read: inspectVdi },
  { format: 'iso', at: 0x8001, bytes: Buffer.from('CD001'), read: inspectIso },
];

/**
 * Judges an image. Never throws.
 * @param head its first bytes, up to `headBytes`  @param size its length in bytes  @param tail its last bytes, up to `tailBytes`
 */
export function inspectImage(head: Buffer, size: number, tail: Buffer = Buffer.alloc(0)): ImageFacts {
  const found = marks.filter(mark => head.subarray(mark.at, mark.at + mark.bytes.length).equals(mark.bytes));
  const partitions = found.every(mark => mark.format === 'iso') ? partitionTable(head) : null;
  const [mark] = found;
  const { format, virtualSizeBytes, problems } = mark ? readMarked(mark, head, size) : readUnmarked(size, tail);
  if (found.length > 1) problems.push('ambiguous');
  const absurd =
    virtualSizeBytes !== null && (virtualSizeBytes >= absurdBytes || (virtualSizeBytes <= 0 && format !== 'raw'));
  if (absurd) problems.push('absurdSize');
  return { format, virtualSizeBytes, problems: [...new Set(problems)], partitions };
}

function readMarked(mark: Mark, head: Buffer, size: number): Omit<ImageFacts, 'partitions'> {
  // The first version of QEMU's format shares the mark; nothing of it is supported.
  const first = mark.format === 'qcow2' && head.length >= 8 && head.readUInt32BE(4) === 1;
  return { format: first ? 'qcow' : mark.format, ...mark.read(head, size) };
}

function readUnmarked(size: number, tail: Buffer): Omit<ImageFacts, 'partitions'> {
  // Fixed VHD and DMG have their header behind the data.
  const end = tail.length >= tailBytes ? tail.subarray(-tailBytes).subarray(0, 8).toString('latin1') : '';
  if (end === 'conectix') return { format: 'vhd', ...inspectVhd(tail.subarray(-tailBytes), size) };
  if (end.startsWith('koly')) return { format: 'dmg', ...refused(tail, size) };
  return { format: 'raw', virtualSizeBytes: size, problems: [] };
}

/** Whether the image is what its `disk_format` says. Kernels, ramdisks and machine images are bytes of any kind. */
export function isDeclaredAs(facts: ImageFacts, diskFormat: string): boolean {
  return facts.format === (['aki', 'ari', 'ami'].includes(diskFormat) ? 'raw' : diskFormat);
}

/** Looks at an image while it streams by; keeps its first 64 KiB and its last 512 bytes. */
export class ImageInspector {
  #head: Buffer[] = [];
  #headLength = 0;
  #tail: Buffer = Buffer.alloc(0);
  #size = 0;

  feed(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#headLength < headBytes) {
      const part = Buffer.from(chunk.subarray(0, headBytes - this.#headLength));
      this.#head.push(part);
      this.#headLength += part.length;
    }
    const last = chunk.subarray(-tailBytes);
    this.#tail = last.length === tailBytes ? Buffer.from(last) : Buffer.concat([this.#tail, last]).subarray(-tailBytes);
  }

  /** True once more bytes cannot change what the head says; `facts` may then be asked early. */
  get headComplete(): boolean {
    return this.#headLength >= headBytes;
  }

  /** What is known of the bytes so far. @param size the whole length, where it is known before the end */
  facts(size = this.#size): ImageFacts {
    return inspectImage(Buffer.concat(this.#head), size, this.#tail);
  }
}

function inspectIso(head: Buffer, size: number): { virtualSizeBytes: number | null; problems: ImageProblem[] } {
  const descriptor = 0x8000;
  if (head.length < descriptor + 132) return { virtualSizeBytes: size, problems: ['truncated'] };
  const blocks = head.readUInt32LE(descriptor + 80);
  const blockBytes = head.readUInt16LE(descriptor + 128);
  return { virtualSizeBytes: size, problems: blocks * blockBytes > size ? ['truncated'] : [] };
}

function partitionTable(head: Buffer): ImageFacts['partitions'] {
  if (head.length < 512 || head.readUInt16LE(510) !== 0xaa55) return null;
  if (head.subarray(512, 520).toString('latin1') === 'EFI PART') return 'gpt';
  for (let at = 446; at < 510; at += 16) {
    const [status, type] = [head[at], head[at + 4]];
    if ((status === 0 || status === 0x80) && type !== 0 && head.readUInt32LE(at + 12) > 0) return 'mbr';
  }
  return null;
}
