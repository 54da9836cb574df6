// VirtualBox's and Microsoft's disk formats.
// Formats: VirtualBox's VDICore.h; "Virtual Hard Disk Image Format Specification" 1.0; MS-VHDX.

import type { FormatReader, ImageProblem } from '#/lib/image-format/image-format.ts';

/** VirtualBox: version 1.1, dynamic or fixed, no parent. */
export const inspectVdi: FormatReader = head => {
  if (head.length < 512) return { virtualSizeBytes: null, problems: ['truncated'] };
  const problems: ImageProblem[] = [];
  if (head.readUInt32LE(68) !== 0x00010001) problems.push('unsupportedVersion');
  const type = head.readUInt32LE(76);
  const parents = head.subarray(0x1a8, 0x1c8);
  if (type === 3 || type === 4 || parents.some(byte => byte !== 0)) problems.push('backingFile');
  else if (type !== 1 && type !== 2) problems.push('unknownFeature');
  return { virtualSizeBytes: Number(head.readBigUInt64LE(0x170)), problems };
};

/** Microsoft, first generation. @param footer the block that begins with the mark: the last one, or its copy in front */
export const inspectVhd: FormatReader = footer => {
  if (footer.length < 512) return { virtualSizeBytes: null, problems: ['truncated'] };
  const problems: ImageProblem[] = [];
  if (footer.readUInt32BE(12) !== 0x00010000) problems.push('unsupportedVersion');
  const type = footer.readUInt32BE(60);
  if (type === 4) problems.push('backingFile');
  else if (type !== 2 && type !== 3) problems.push('unknownFeature');
  return { virtualSizeBytes: Number(footer.readBigUInt64BE(48)), problems };
};

/** Microsoft, second generation: its size and parents are far behind its head, so none is taken. */
export const inspectVhdx: FormatReader = () => ({ virtualSizeBytes: null, problems: ['unsupportedFormat'] });
