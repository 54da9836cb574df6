// VMware's format, of which only one file with an embedded descriptor and one sparse extent is taken.
// Format: VMware's "Virtual Disk Format 5.0".

import type { FormatReader, ImageProblem } from '#/lib/image-format/image-format.ts';

const sectorBytes = 512;
const goodTypes = ['monolithicsparse', 'streamoptimized'];

/** Reads the header and descriptor of a VMDK; one of its marks is there already. */
export const inspectVmdk: FormatReader = head => {
  // A text descriptor, or the older format: their data is in other files.
  if (head.subarray(0, 4).toString('latin1') !== 'KDMV')
    return { virtualSizeBytes: null, problems: ['externalExtent'] };
  if (head.length < sectorBytes) return { virtualSizeBytes: null, problems: ['truncated'] };
  const problems: ImageProblem[] = [];
  const version = head.readUInt32LE(4);
  if (version < 1 || version > 3) problems.push('unsupportedVersion');
  const sectors = head.readBigUInt64LE(12);
  const descriptor = {
    at: Number(head.readBigUInt64LE(28)) * sectorBytes,
    bytes: Number(head.readBigUInt64LE(36)) * sectorBytes,
  };
  // QEMU takes an extent of no capacity as a bare descriptor and opens what that names.
  if (sectors === 0n || descriptor.at === 0) problems.push('externalExtent');
  if (descriptor.at < sectorBytes || descriptor.bytes === 0 || descriptor.at + descriptor.bytes > head.length)
    return { virtualSizeBytes: Number(sectors) * sectorBytes, problems: [...problems, 'damaged'] };
  const text = head.subarray(descriptor.at, descriptor.at + descriptor.bytes).toString('latin1');
  return {
    virtualSizeBytes: Number(sectors) * sectorBytes,
    problems: [...problems, ...inspectDescriptor(text, Number(sectors))],
  };
};

function inspectDescriptor(text: string, sectors: number): ImageProblem[] {
  const problems: ImageProblem[] = [];
  const end = text.indexOf('\0');
  const lines = (end < 0 ? text : text.slice(0, end)).split(/[\r\n]+/).map(line => line.trim());
  const values = (name: string): string[] =>
    lines.flatMap(line => {
      const [key, ...rest] = line.split('=');
      return key!.trim().toLowerCase() === name ? [rest.join('=').trim().replace(/^"|"$/g, '').toLowerCase()] : [];
    });
  const types = values('createtype');
  if (types.length !== 1 || !goodTypes.includes(types[0]!)) problems.push('externalExtent');
  if (values('parentcid').some(cid => cid !== 'ffffffff') || values('parentfilenamehint').length > 0)
    problems.push('backingFile');
  // All that opens like an extent counts as one, however it goes on.
  const extents = lines.filter(line => /^(rw|rdonly|noaccess)\b/i.test(line));
  const extent = /^RW\s+(\d{1,15})\s+SPARSE\s+"([^"]*)"(\s+0)?$/.exec(extents[0] ?? '');
  if (extents.length !== 1 || !extent || /[/\\:]/.test(extent[2]!)) problems.push('externalExtent');
  else if (Number(extent[1]) > sectors) problems.push('damaged');
  return problems;
}
