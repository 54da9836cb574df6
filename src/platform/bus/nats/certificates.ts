// The cloud's own certificates: an authority, and what it signs for the bus's server, the control plane and each host.

import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  type PublicKey,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Clock, Random } from '#/platform/clock/clock.ts';

/** PEM. */
export interface Credential {
  certificate: string;
  key: string;
}

interface Parts {
  clock: Clock;
  random: Random;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
/** Clocks of joining machines may be behind. */
const earlierMs = 3_600_000;

/** An authority for ten years. */
export async function createAuthority({ clock, random }: Parts): Promise<Credential> {
  cryptoProvider.set(crypto);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Haneul',
    keys,
    signingAlgorithm: algorithm,
    ...validity(clock, 3650),
    serialNumber: serial(random),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return pem(certificate, keys.privateKey);
}

export interface CertificateAsk {
  /** Under which the bus knows who it is. */
  names: string[];
  /** Of a server: where it is reached. */
  addresses?: string[];
  days?: number;
}

/** A certificate for both ends of TLS, with a key of its own. */
export async function issueCertificate(authority: Credential, ask: CertificateAsk, parts: Parts): Promise<Credential> {
  cryptoProvider.set(crypto);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return pem(await sign(authority, keys.publicKey, ask, parts), keys.privateKey);
}

/** A key that stays where it was made, and what asks for its certificate (PKCS #10, PEM). */
export async function requestCertificate(name: string): Promise<{ request: string; key: string }> {
  cryptoProvider.set(crypto);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return { request: request.toString('pem'), key: await privateKey(keys.privateKey) };
}

/**
 * The certificate (PEM) that was asked for. Of the request its key is taken and nothing else: what the certificate says is
 * `ask`. Null when the request is none, or was not made by the holder of its key.
 */
export async function signRequest(
  authority: Credential,
  request: string,
  ask: CertificateAsk,
  parts: Parts,
): Promise<string | null> {
  cryptoProvider.set(crypto);
  let publicKey: PublicKey;
  try {
    const asked = new Pkcs10CertificateRequest(request);
    if (!(await asked.verify())) return null;
    const { name, namedCurve } = asked.publicKey.algorithm as EcKeyAlgorithm;
    if (name !== algorithm.name || namedCurve !== algorithm.namedCurve) return null;
    ({ publicKey } = asked);
  } catch {
    return null;
  }
  return (await sign(authority, publicKey, ask, parts)).toString('pem');
}

async function sign(
  authority: Credential,
  publicKey: CryptoKey | PublicKey,
  { names, addresses = [], days = 825 }: CertificateAsk,
  { clock, random }: Parts,
): Promise<X509Certificate> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.key), algorithm, false, [
    'sign',
  ]);
  return X509CertificateGenerator.create({
    subject: [{ CN: [names[0]!] }],
    issuer: issuer.subject,
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    ...validity(clock, days),
    serialNumber: serial(random),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        ...names.map(value => ({ type: 'dns' as const, value })),
        ...addresses.map(value => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
}

function validity(clock: Clock, days: number): { notBefore: Date; notAfter: Date } {
  const at = clock.now();
  return { notBefore: new Date(at - earlierMs), notAfter: new Date(at + days * dayMs) };
}

function serial(random: Random): string {
  const bytes = random.bytes(16);
  // A positive number.
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function pem(certificate: X509Certificate, key: CryptoKey): Promise<Credential> {
  return { certificate: certificate.toString('pem'), key: await privateKey(key) };
}

async function privateKey(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
