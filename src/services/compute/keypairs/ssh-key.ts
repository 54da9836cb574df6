// SSH keys in OpenSSH's formats: the public line (RFC 4253 §6.6), and the private file (PROTOCOL.key).

import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { Random } from '#/platform/clock/clock.ts';

export interface ReadKey {
  /** As it is kept. */
  publicKey: string;
  fingerprint: string;
}

/** Reads `ssh-ed25519 AAAA… comment`. @returns null when it is no public key */
export function readPublicKey(text: string): ReadKey | null {
  const line = text.trim();
  const [type = '', data = ''] = line.split(/[ \t]+/);
  if (
    /[\r\n]/.test(line) ||
    !/^(ssh-|ecdsa-|sk-)[a-z0-9@.-]{2,60}$/.test(type) ||
    !/^[A-Za-z0-9+/]{16,}={0,2}$/.test(data)
  )
    return null;
  const blob = Buffer.from(data, 'base64');
  const length = blob.length > 4 ? blob.readUInt32BE(0) : 0;
  if (length !== type.length || blob.toString('latin1', 4, 4 + length) !== type || !wholeFields(blob)) return null;
  return { publicKey: text, fingerprint: md5Colons(blob) };
}

/** Reads a PEM certificate; its fingerprint is SHA-1's, as Nova says it. @returns null when it is none */
export function readCertificate(text: string): ReadKey | null {
  try {
    return { publicKey: text, fingerprint: new X509Certificate(text).fingerprint.toLowerCase() };
  } catch {
    return null;
  }
}

/** A blob is fields of a length and that many bytes, at least two of them, and nothing after. */
function wholeFields(blob: Buffer): boolean {
  let at = 0;
  let fields = 0;
  while (at + 4 <= blob.length) {
    at += 4 + blob.readUInt32BE(at);
    fields++;
  }
  return at === blob.length && fields >= 2;
}

/** Makes an Ed25519 key pair (RFC 8709). @param comment stands at the end of the public line */
export function makeKey(random: Random, comment: string): ReadKey & { privateKey: string } {
  const seed = random.bytes(32);
  const secret = createPrivateKey({ key: Buffer.concat([ed25519Pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const point = Buffer.from(createPublicKey(secret).export({ format: 'jwk' }).x!, 'base64url');
  const type = Buffer.from('ssh-ed25519');
  const blob = Buffer.concat([field(type), field(point)]);
  const check = random.bytes(4);
  const unpadded = Buffer.concat([
    check,
    check,
    blob,
    field(Buffer.concat([seed, point])),
    field(Buffer.from(comment)),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (unpadded.length % 8)) % 8 }, (_, at) => at + 1));
  const none = field(Buffer.from('none'));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    field(Buffer.alloc(0)),
    uint32(1),
    field(blob),
    field(Buffer.concat([unpadded, padding])),
  ]);
  const body = file.toString('base64').match(/.{1,70}/g)!;
  return {
    publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}`,
    privateKey: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...body, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    fingerprint: md5Colons(blob),
  };
}

/** PKCS #8 of an Ed25519 key up to its 32 bytes (RFC 8410 §7). */
const ed25519Pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function field(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function md5Colons(blob: Buffer): string {
  return createHash('md5').update(blob).digest('hex').match(/../g)!.join(':');
}
