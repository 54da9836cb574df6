// What a machine of a cluster keeps: on the first one the authority and what it signed for the bus, the control plane and
// the host there; on every other the certificate with which it joined. Made by `up` and `join`; running again mends.

import { X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CertificateAsk,
  createAuthority,
  type Credential,
  issueCertificate,
} from '#/platform/bus/nats/certificates.ts';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { controlName, machineCertificateName } from '#/platform/bus/nats/server-config.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { type Config, tunnelAddressOf } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { writeSecrets } from '#/cluster/secrets.ts';
import { endsSoon, nextFilesIn } from './certificate-end.ts';
import { runsBus } from './cluster-roles.ts';
import type { SystemUser } from './users.ts';

export interface ClusterUsers {
  control: SystemUser;
  /** Whom the NATS server runs as. */
  bus: SystemUser;
}

/** The first machine's. */
export async function ensureClusterFiles(config: Config, paths: DataPaths, users: ClusterUsers): Promise<void> {
  const parts = { clock: systemClock(), random: systemRandom() };
  const clusterAddress = config.clusterAddress!;
  const addresses = [...new Set([clusterAddress, tunnelAddressOf(config)!])];
  ownDirectory(paths.cluster, 0o700, users.control);
  const authority = await ensureAuthority(paths, users.control);
  const ensure = async (directory: string, owner: SystemUser | null, ask: () => CertificateAsk): Promise<string> => {
    const files = tlsFilesIn(directory);
    put(files.caFile, authority.certificate, owner);
    finishReplacing(directory, owner);
    const before = existsSync(files.keyFile) && existsSync(files.certFile) && readFileSync(files.certFile, 'utf8');
    if (before && stillGood(before, ask().addresses ?? [])) return before;
    const made = await issueCertificate(authority, ask(), parts);
    replaceCredential(directory, made, owner);
    return made.certificate;
  };
  await ensure(paths.cluster, users.control, () => ({ names: [controlName], addresses: [clusterAddress] }));
  if (runsBus(config)) {
    ownDirectory(paths.bus, 0o700, users.bus);
    await ensure(paths.bus, users.bus, () => ({
      names: ['bus.haneul', 'localhost'],
      addresses: [clusterAddress, '127.0.0.1'],
    }));
  }
  if (config.roles.includes('host')) {
    ownDirectory(paths.machine, 0o700, null);
    const name = nameIn(paths.machine) ?? machineCertificateName(parts.random.bytes(8).toString('hex'));
    const certificate = await ensure(paths.machine, null, () => ({ names: [name], addresses }));
    // From this the control plane knows it.
    put(join(paths.cluster, 'host.crt'), certificate, users.control);
  }
}

/** A joined machine's: its own key, and what the cloud gave for it. @param control where a control plane runs there, as whom */
export function keepCredential(
  paths: DataPaths,
  authority: string,
  { certificate, key }: Credential,
  control: SystemUser | null,
): void {
  for (const [directory, owner] of [
    [paths.machine, null],
    ...(control ? [[paths.cluster, control] as const] : []),
  ] as const) {
    ownDirectory(directory, 0o700, owner);
    const files = tlsFilesIn(directory);
    put(files.caFile, authority, owner);
    put(files.keyFile, key, owner);
    put(files.certFile, certificate, owner);
  }
}

/** The new pair in place of the one before. A power cut in between leaves the one or the other, whole. */
export function replaceCredential(directory: string, { certificate, key }: Credential, owner: SystemUser | null): void {
  const next = nextFilesIn(directory);
  put(next.key, key, owner);
  put(next.certificate, certificate, owner);
  finishReplacing(directory, owner);
}

/** Goes on with what a power cut interrupted. */
export function finishReplacing(directory: string, owner: SystemUser | null): void {
  const next = nextFilesIn(directory);
  // The certificate is written last and taken away first.
  if (existsSync(next.certificate)) {
    const files = tlsFilesIn(directory);
    put(files.keyFile, readFileSync(next.key, 'utf8'), owner);
    put(files.certFile, readFileSync(next.certificate, 'utf8'), owner);
    rmSync(next.certificate);
  }
  rmSync(next.key, { force: true });
}

/** Under which the bus knows the machine: a renewed certificate keeps it. */
function nameIn(directory: string): string | null {
  const { certFile } = tlsFilesIn(directory);
  if (!existsSync(certFile)) return null;
  return /DNS:([\w.-]+)/.exec(new X509Certificate(readFileSync(certFile)).subjectAltName ?? '')?.[1] ?? null;
}

/** What its control plane must have as the others have it. */
export function keepSecrets(
  paths: DataPaths,
  secrets: Record<string, string>,
  credentials: string,
  owner: SystemUser,
): void {
  ownDirectory(paths.cluster, 0o700, owner);
  writeSecrets(paths.control, secrets, path => chownSync(path, owner.uid, owner.gid));
  put(paths.credentials, credentials, owner);
}

async function ensureAuthority(paths: DataPaths, owner: SystemUser): Promise<Credential> {
  const keyFile = join(paths.cluster, 'authority.key');
  const { caFile } = tlsFilesIn(paths.cluster);
  if (existsSync(keyFile) && existsSync(caFile))
    return { certificate: readFileSync(caFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const made = await createAuthority({ clock: systemClock(), random: systemRandom() });
  put(keyFile, made.key, owner);
  put(caFile, made.certificate, owner);
  return made;
}

function stillGood(certificate: string, addresses: string[]): boolean {
  const { subjectAltName = '' } = new X509Certificate(certificate);
  const named = subjectAltName.split(', ');
  return (
    !endsSoon(certificate) &&
    addresses.every(address => named.some(name => name.toLowerCase() === `ip address:${canonical(address)}`))
  );
}

/** As OpenSSL prints an address: IPv6 in eight groups without leading zeros. */
function canonical(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  return [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail ?? '')].join(':').toLowerCase();
}

function ownDirectory(path: string, mode: number, owner: SystemUser | null): void {
  mkdirSync(path, { recursive: true, mode });
  if (owner) chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
}

/** Only its owner reads it. */
function put(path: string, text: string, owner: SystemUser | null): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeWholeSync(path, text);
  if (owner) chownSync(path, owner.uid, owner.gid);
}
