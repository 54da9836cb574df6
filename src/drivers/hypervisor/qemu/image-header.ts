// What an image file really is, read from its first bytes before any tool opens it. Image bytes are hostile:
// a format that points to other files, or that has features we do not know, is refused. Pure.
// Formats: qemu/docs/interop/qcow2.txt; VMware's "Virtual Disk Format 1.1".

export type Verdict = { ok: true; virtualSizeBytes: number } | { ok: false; reason: string };

/** Dirty and corrupt bits aside, what a qcow2 of ours may have: compression type (3) and extended L2 entries (4). */
const knownIncompatible = 0b11011n;

/** A qcow2 file that stands alone. @param head its first 4 KiB */
export function checkQcow2(head: Buffer): Verdict {
  if (head.length < 72 || head.readUInt32BE(0) !== 0x514649fb) return no('it has no qcow2 header');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return no(`its qcow2 version is ${version}`);
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0) return no('it has a backing file');
  if (head.readUInt32BE(32) !== 0) return no('it is encrypted');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return no('its cluster size is out of range');
  if (version === 3) {
    if (head.length < 104) return no('its header is cut off');
    const incompatible = head.readBigUInt64BE(72);
    if (incompatible & 0b100n) return no('it has an external data file');
    if (incompatible & 0b10n) return no('it is marked corrupt');
    if (incompatible & ~knownIncompatible) return no('it needs unknown features');
  }
  const size = head.readBigUInt64BE(24);
  if (size > 1n << 50n) return no('its size is out of range');
  return { ok: true, virtualSizeBytes: Number(size) };
}

/** A VMDK with its data inside: sparse or stream-optimized, one extent, no parent. @param head its first 64 KiB */
export function checkVmdk(head: Buffer): Verdict {
  if (head.length < 512 || head.toString('latin1', 0, 4) !== 'KDMV') return no('it is no sparse VMDK');
  const sectors = head.readBigUInt64LE(12);
  if (sectors === 0n || sectors > 1n << 41n) return no('its size is out of range');
  const from = Number(head.readBigUInt64LE(28)) * 512;
  const length = Number(head.readBigUInt64LE(36)) * 512;
  if (from < 512 || length === 0 || from + length > head.length) return no('its descriptor is out of reach');
  const descriptor = head.toString('latin1', from, from + length).replaceAll('\0', '');
  const type = /^createType\s*=\s*"([^"]*)"/m.exec(descriptor)?.[1];
  if (type !== 'monolithicSparse' && type !== 'streamOptimized') return no(`its type is ${type ?? 'missing'}`);
  if (/^parentFileNameHint/m.test(descriptor)) return no('it has a parent');
  const extents = descriptor.split('\n').filter(line => /^\s*(RW|RDONLY|NOACCESS)\s/.test(line));
  if (extents.length !== 1) return no(`it has ${extents.length} extents`);
  if (!/^\s*RW\s+\d+\s+SPARSE\s+"[^"/\\]*"\s*$/.test(extents[0]!)) return no('its extent is outside of the file');
  return { ok: true, virtualSizeBytes: Number(sectors) * 512 };
}

/** A VDI: `<<< … >>>` text, signature, dynamic or fixed, with no parent. */
export function checkVdi(head: Buffer): Verdict {
  if (head.length < 512 || head.readUInt32LE(0x40) !== 0xbeda107f) return no('it has no VDI header');
  const type = head.readUInt32LE(0x4c);
  if (type !== 1 && type !== 2) return no('it is a difference to another disk');
  return { ok: true, virtualSizeBytes: Number(head.readBigUInt64LE(0x170)) };
}

/** A VHD: its footer, which dynamic disks repeat at the start. @param footer the last 512 bytes */
export function checkVhd(footer: Buffer): Verdict {
  if (footer.length < 512 || footer.toString('latin1', 0, 8) !== 'conectix') return no('it has no VHD footer');
  const type = footer.readUInt32BE(60);
  if (type !== 2 && type !== 3) return no('it is a difference to another disk');
  return { ok: true, virtualSizeBytes: Number(footer.readBigUInt64BE(48)) };
}

function no(reason: string): Verdict {
  return { ok: false, reason };
}
