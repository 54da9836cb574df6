// A machine's certificates made anew: by the cloud for one that has joined, by its own authority on the first.

import { existsSync, readFileSync } from 'node:fs';
import { askToRenew } from '#/cluster/client.ts';
import { requestCertificate } from '#/platform/bus/nats/certificates.ts';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { type Config, hostNameOf } from '#/platform/config/config.ts';
import { findBusServer } from './bus-server.ts';
import { isDue } from './certificate-end.ts';
import { ensureClusterFiles, finishReplacing, replaceCredential } from './cluster-files.ts';
import { isFirstMachine } from './cluster-roles.ts';
import type { RenewalOptions } from './renewal.ts';
import type { SystemUser } from './users.ts';

/** @throws Problem when none of the cloud's control planes gives a certificate */
export async function renew(options: RenewalOptions): Promise<void> {
  if (isFirstMachine(options.config)) await renewOwn(options);
  else await renewJoined(options);
  options.log.info('the certificates of this machine were renewed');
}

/** New pairs that lie beside their places are put there. */
export function finishAll({ paths, users }: Pick<RenewalOptions, 'paths' | 'users'>): void {
  for (const [directory, owner] of [
    [paths.machine, null],
    [paths.cluster, users.control],
    [paths.bus, users.bus],
  ] as const)
    if (existsSync(directory)) finishReplacing(directory, owner);
}

async function renewOwn({ config, paths, users: { control, bus } }: RenewalOptions): Promise<void> {
  if (!control || !bus) return;
  await ensureClusterFiles(config, paths, { control, bus });
  const running = findBusServer(paths);
  if (running) process.kill(running.pid, 'SIGHUP');
}

/** One certificate for all that runs on it. The one before counts until the new one is used, so nothing is lost on the way. */
async function renewJoined({ config, paths, users: { control } }: RenewalOptions): Promise<void> {
  const places: [string, SystemUser | null][] = [[paths.machine, null]];
  if (control && config.roles.some(role => role !== 'host')) places.push([paths.cluster, control]);
  if (isDue(paths.machine)) replaceCredential(paths.machine, await renewed(config, paths.machine), null);
  const own = credentialIn(paths.machine);
  for (const [directory, owner] of places)
    if (credentialIn(directory).certificate !== own.certificate) replaceCredential(directory, own, owner);
}

async function renewed(config: Config, machine: string) {
  const { request, key } = await requestCertificate(hostNameOf(config));
  const identity = { authority: readFileSync(tlsFilesIn(machine).caFile, 'utf8'), ...credentialIn(machine) };
  let failure: unknown;
  for (const server of config.clusterServers) {
    try {
      return { certificate: await askToRenew(server, identity, request), key };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function credentialIn(directory: string): { certificate: string; key: string } {
  const { certFile, keyFile } = tlsFilesIn(directory);
  return { certificate: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
