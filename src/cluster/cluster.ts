// The control plane's side of the cluster on one machine: its listener, who may speak on the bus, and what is told to
// those who join.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compilePlan } from '#/host/plan.ts';
import { createHostStreams, type HostStreams } from '#/host/streams.ts';
import type { BaseImage } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Credential } from '#/platform/bus/nats/certificates.ts';
import { busServersOf, tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { X509Certificate } from 'node:crypto';
import type { Clock, Random, Timer } from '#/platform/clock/clock.ts';
import { type Config, hostNameOf, tunnelAddressOf } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import type { Database } from '#/platform/database/database.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import { findMember, listMembers, putMember } from './cluster.store.ts';
import { askSecrets, type ForControl } from './client.ts';
import { busMember, factsOf, isControl } from './join.ts';
import { clusterListener, type Listener } from './listener.ts';
import type { ClusterFacts } from './machine.api.ts';
import { readSecrets, writeSecrets } from './secrets.ts';
import { sharedOptions } from './shared-options.ts';

export interface ClusterOptions {
  config: Config;
  paths: DataPaths;
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface Cluster extends ClusterFacts {
  /** What this control plane asks hosts on other machines for. */
  streams: HostStreams;
  /** Once the tables are there: lets machines in. */
  start(parts: { db: Database; services: Service[] }): Promise<void>;
  stop(): Promise<void>;
}

/** Members that another control plane let in are known to this machine's bus so soon. */
const lookMs = 1_000;
/** New keys are staged long before they are used. */
const followMs = 5_000;

/** Null for a cloud on one machine. */
export function openCluster({ config, paths, clock, random, log }: ClusterOptions): Cluster | null {
  const { clusterAddress } = config;
  if (clusterAddress === null) return null;
  const files = tlsFilesIn(paths.cluster);
  const authority: Credential = {
    certificate: readFileSync(files.caFile, 'utf8'),
    key: readFileSync(join(paths.cluster, 'authority.key'), 'utf8'),
  };
  const readOwn = (): Credential => ({
    certificate: readFileSync(files.certFile, 'utf8'),
    key: readFileSync(files.keyFile, 'utf8'),
  });
  let own = readOwn();
  /** Of the certificates as they were read last: `up` and the supervisor renew them. */
  let seen = stampOf(files.certFile, join(paths.cluster, 'host.crt'));
  const server = originOf(clusterAddress, config.clusterPort);
  const sharedDatabase = config.databaseUrl !== null;
  const streams = createHostStreams({ own: hostNameOf(config), server, random });
  let listener: Listener | null = null;
  let timer: Timer | undefined;
  let following: Timer | undefined;
  let stopped = false;
  let told = '';
  let tell = async (): Promise<void> => {};

  /** What a machine needs to run api or worker. */
  const forControl = (): ForControl => ({
    options: sharedOptions(config, config.imageDirectory ?? join(paths.control, 'images')),
    secrets: readSecrets(paths.control),
    credentials: readFileSync(paths.credentials, 'utf8'),
  });

  /** A control plane that joined has the keys of the first machine, also when they change there. */
  async function follow(): Promise<void> {
    for (const from of config.clusterServers) {
      const secrets = await askSecrets(from, { authority: authority.certificate, ...own }).catch(() => null);
      if (secrets === null) continue;
      if (writeSecrets(paths.control, secrets)) log.info({ from }, 'the keys are as there');
      break;
    }
    if (!stopped) following = clock.after(followMs, () => void follow());
  }

  return {
    own: { name: hostNameOf(config), roles: config.roles },
    server,
    authority: authority.certificate,
    sharedDatabase,
    streams,
    changed: () => void tell(),
    async start({ db, services }) {
      tell = async () => {
        const members = (await db.read(listMembers)).map(busMember);
        const text = JSON.stringify(members);
        if (text === told) return;
        writeWholeSync(paths.busMembers, text);
        told = text;
      };
      const renewed = async (): Promise<void> => {
        const stamp = stampOf(files.certFile, join(paths.cluster, 'host.crt'));
        if (stamp === seen) return;
        own = readOwn();
        listener?.show(own);
        await rememberOwnHost(db, config, paths);
        seen = stamp;
      };
      const look = async (): Promise<void> => {
        await renewed().catch((error: unknown) => log.warn({ error }, 'a renewed certificate was not taken up'));
        await tell().catch((error: unknown) => log.warn({ error }, 'the members of the cluster were not read'));
        if (!stopped) timer = clock.after(lookMs, () => void look());
      };
      await rememberOwnHost(db, config, paths);
      await look();
      listener = clusterListener({
        db,
        clock,
        random,
        log,
        authority,
        own,
        sharedDatabase,
        settings: member => ({
          bus_servers: busServersOf(config),
          cluster_servers: [...new Set([server, ...config.clusterServers])],
          ...(isControl(member) ? { control: forControl() } : {}),
        }),
        secrets: () => readSecrets(paths.control),
        async imageFor(host, imageId) {
          const { entries } = await db.read(tx => compilePlan(tx, services, host, 0));
          const image = entries.find(({ entry }) => entry.key === `image/${imageId}`)?.entry as BaseImage | undefined;
          return image?.source.kind === 'file' ? image.source.path : null;
        },
        admit: streams.admit,
        joined: () => tell(),
      });
      await listener.listen(clusterAddress, config.clusterPort);
      if (config.clusterServers.length > 0) await follow();
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      following?.cancel();
      await listener?.close();
    },
  };
}

/** Another whenever one of the files was written. */
function stampOf(...files: string[]): string {
  return files.map(file => statSync(file, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? '-').join(' ');
}

/** `https://10.0.0.11:8701`. */
export function originOf(address: string, port: number): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The host on this very machine has its certificate from `up`, and is a member like any other. */
async function rememberOwnHost(db: Database, config: Config, paths: DataPaths): Promise<void> {
  const file = join(paths.cluster, 'host.crt');
  if (!config.roles.includes('host') || !existsSync(file)) return;
  const certificate = readFileSync(file, 'utf8');
  const facts = factsOf(certificate);
  const user = /DNS:([\w.-]+)/.exec(new X509Certificate(certificate).subjectAltName ?? '')![1]!;
  const name = hostNameOf(config);
  const address = config.clusterAddress!;
  await db.write(async tx => {
    const before = await findMember(tx, name);
    if (before?.fingerprint === facts.fingerprint && before.address === address) return;
    const tunnelAddress = tunnelAddressOf(config)!;
    await putMember(tx, { name, user, ...facts, roles: '["host"]', address, tunnelAddress });
  });
}
