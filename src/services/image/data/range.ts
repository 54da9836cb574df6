// The Range header of a download (RFC 9110 §14.1.2): one range of bytes.

export interface ByteRange {
  from: number;
  /** Inclusive. */
  to: number;
}

/** @returns null for no range, or one that is to be ignored; `outside` when none of it is within `size` bytes */
export function readRange(header: string | undefined, size: number): ByteRange | 'outside' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const last = Number(match[2]);
    return last === 0 || size === 0 ? 'outside' : { from: Math.max(0, size - last), to: size - 1 };
  }
  const from = Number(match[1]);
  const to = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== '' && Number(match[2]) < from) return null;
  return from >= size ? 'outside' : { from, to };
}
