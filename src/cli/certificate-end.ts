// Whether a machine's certificate wants to be made anew. Without what makes one: that takes memory, and is seldom needed.

import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { systemClock } from '#/platform/clock/clock.ts';

/** They are made for 825 days: so a machine may be off, or the cloud out of reach, for months. */
const renewMs = 120 * 86_400_000;

/** @param certificate PEM */
export function endsSoon(certificate: string): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) - systemClock().now() <= renewMs;
}

/** Where a new pair lies until it is in its place. */
export function nextFilesIn(directory: string): { key: string; certificate: string } {
  return { key: join(directory, 'next.key'), certificate: join(directory, 'next.crt') };
}

/** Whether the certificate there ends soon; false where there is none. */
export function isDue(directory: string): boolean {
  const { certFile } = tlsFilesIn(directory);
  return existsSync(certFile) && endsSoon(readFileSync(certFile, 'utf8'));
}
