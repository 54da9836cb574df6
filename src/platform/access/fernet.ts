// Fernet (github.com/fernet/spec): authenticated encryption of small texts under a key, with the time in it.
// Keystone's tokens are Fernet tokens without the `=` at their end.

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '#/platform/clock/clock.ts';

/** 32 bytes: the first half signs, the second encrypts. */
export type FernetKey = Buffer;

const version = 0x80;
const headerBytes = 1 + 8 + 16;
const hmacBytes = 32;
/** A token from the future is refused beyond this difference of clocks. */
const skewSeconds = 300;

/** A key from its text form (base64url, 32 bytes); null when it is none. */
export function parseFernetKey(text: string): FernetKey | null {
  const trimmed = text.trim();
  if (!/^[\w-]{43}=?$/.test(trimmed)) return null;
  return Buffer.from(trimmed, 'base64url');
}

export function writeFernetKey(key: FernetKey): string {
  return `${key.toString('base64url')}=`;
}

export function newFernetKey(random: Random): FernetKey {
  return random.bytes(32);
}

/** @param now milliseconds since 1970. @returns the token with its padding */
export function encryptFernet(
  key: FernetKey,
  plain: Uint8Array,
  { now, random }: { now: number; random: Random },
): string {
  const header = Buffer.alloc(headerBytes);
  header[0] = version;
  header.writeBigUInt64BE(BigInt(Math.floor(now / 1000)), 1);
  random.bytes(16).copy(header, 9);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), header.subarray(9));
  const signed = Buffer.concat([header, cipher.update(plain), cipher.final()]);
  const token = Buffer.concat([signed, sign(key, signed)]).toString('base64url');
  return token + '='.repeat((4 - (token.length % 4)) % 4);
}

export interface FernetContent {
  plain: Buffer;
  /** When it was made, milliseconds since 1970 (whole seconds). */
  madeAt: number;
}

/**
 * The content of a token under any of the keys, padding optional; null for anything that is none of ours, is older
 * than `ttlSeconds`, or was made more than five minutes in the future. Signatures are compared in constant time.
 * @param now milliseconds since 1970
 */
export function decryptFernet(
  keys: readonly FernetKey[],
  token: string,
  { now, ttlSeconds }: { now: number; ttlSeconds?: number },
): FernetContent | null {
  if (token.length > 1 << 20 || !/^[\w-]+={0,2}$/.test(token)) return null;
  const bytes = Buffer.from(token, 'base64url');
  const cipherBytes = bytes.length - headerBytes - hmacBytes;
  if (bytes[0] !== version || cipherBytes < 16 || cipherBytes % 16 !== 0) return null;
  const signed = bytes.subarray(0, -hmacBytes);
  const key = keys.find(candidate => timingSafeEqual(sign(candidate, signed), bytes.subarray(-hmacBytes)));
  if (!key) return null;
  const seconds = Number(bytes.readBigUInt64BE(1));
  const nowSeconds = Math.floor(now / 1000);
  if (seconds > nowSeconds + skewSeconds) return null;
  if (ttlSeconds !== undefined && seconds + ttlSeconds < nowSeconds) return null;
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), bytes.subarray(9, headerBytes));
  try {
    return {
      plain: Buffer.concat([decipher.update(bytes.subarray(headerBytes, -hmacBytes)), decipher.final()]),
      madeAt: seconds * 1000,
    };
  } catch {
    return null; // Signed by us, with bad padding inside.
  }
}

function sign(key: FernetKey, signed: Buffer): Buffer {
  return createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
}
