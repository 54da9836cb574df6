// QEMU's copy-on-write format, versions 2 and 3. Format: QEMU's docs/interop/qcow2.txt.

import type { FormatReader, ImageProblem } from '#/lib/image-format/image-format.ts';

const version2Bytes = 72;
const version3Bytes = 104;

/** Bits of the incompatible features that are known: dirty, corrupt, data file, compression type, extended L2. */
const bit = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n };
const knownBits = bit.dirty | bit.corrupt | bit.dataFile | bit.compression | bit.extendedL2;

const extension = { end: 0, dataFileName: 0x44415441, encryption: 0x0537be77 };

/** Reads the header of a qcow2 image; the mark is there already. */
export const inspectQcow2: FormatReader = (head, size) => {
  if (head.length < version2Bytes) return { virtualSizeBytes: null, problems: ['truncated'] };
  const problems: ImageProblem[] = [];
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3)
    return {
      virtualSizeBytes: null,
      problems: ['unsupportedVersion', ...(version === 1 ? (['unsupportedFormat'] as const) : [])],
    };
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0) problems.push('backingFile');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) problems.push('damaged');
  const virtualSizeBytes = Number(head.readBigUInt64BE(24));
  if (head.readUInt32BE(32) !== 0) problems.push('encrypted');
  const firstLevel = { entries: head.readUInt32BE(36), offset: Number(head.readBigUInt64BE(40)) };
  if (firstLevel.offset + firstLevel.entries * 8 > size) problems.push('truncated');
  // QEMU reads the whole first-level table into memory: 32 MiB of it is its own limit.
  if (firstLevel.entries * 8 > 32 << 20) problems.push('damaged');
  let headerBytes = version2Bytes;
  if (version === 3) {
    if (head.length < version3Bytes) return { virtualSizeBytes, problems: [...problems, 'truncated'] };
    const features = head.readBigUInt64BE(72);
    if (features & bit.dataFile) problems.push('dataFile');
    if (features & bit.corrupt) problems.push('damaged');
    if (features & ~knownBits) problems.push('unknownFeature');
    headerBytes = head.readUInt32BE(100);
    // 0 is zlib, 1 is zstd.
    if (headerBytes > version3Bytes && (head[version3Bytes] ?? 0) > 1) problems.push('unknownFeature');
    if (headerBytes < version3Bytes || headerBytes % 8 !== 0) problems.push('damaged');
  }
  problems.push(...inspectExtensions(head, headerBytes));
  return { virtualSizeBytes, problems };
};

function inspectExtensions(head: Buffer, from: number): ImageProblem[] {
  const problems: ImageProblem[] = [];
  for (let at = from; ; ) {
    if (at + 8 > head.length) return at < head.length || from > head.length ? [...problems, 'damaged'] : problems;
    const type = head.readUInt32BE(at);
    if (type === extension.end) return problems;
    if (type === extension.dataFileName) problems.push('dataFile');
    if (type === extension.encryption) problems.push('encrypted');
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
    if (at > head.length) return [...problems, 'damaged'];
  }
}
