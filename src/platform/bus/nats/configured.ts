// The NATS bus as the configuration describes it; the client is loaded only where there is one.

import { join } from 'node:path';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Bus } from '../bus.ts';
import { natsBus } from './nats-bus.ts';

type Settings = Pick<
  Config,
  'busServers' | 'busCaFile' | 'busCertificateFile' | 'busKeyFile' | 'clusterAddress' | 'busPort'
>;

/** The PEM files of one end of TLS. */
export interface TlsFiles {
  caFile: string;
  certFile: string;
  keyFile: string;
}

/** Where `haneul up` and `join` keep a machine's certificate. */
export function tlsFilesIn(directory: string): TlsFiles {
  const at = (name: string): string => join(directory, name);
  return { caFile: at('authority.crt'), certFile: at('machine.crt'), keyFile: at('machine.key') };
}

/** What the operator configured, or the server that runs at the cluster address. None: a cloud on one machine. */
export function busServersOf({ busServers, clusterAddress, busPort }: Settings): string[] {
  if (busServers.length > 0 || clusterAddress === null) return [...busServers];
  return [`tls://${clusterAddress.includes(':') ? `[${clusterAddress}]` : clusterAddress}:${busPort}`];
}

/**
 * @param name `control`, or a host's token
 * @param own the certificate that this machine has in its cluster, for where the operator names none
 * @returns null where no server is configured
 */
export function configuredNatsBus(
  config: Settings,
  name: string,
  own: TlsFiles,
  parts: { clock: Clock; random: Random; log: Logger; onConnect?: () => void },
): Bus | null {
  const servers = busServersOf(config);
  if (!servers.length) return null;
  const { busCaFile: caFile, busCertificateFile: certFile, busKeyFile: keyFile, clusterAddress } = config;
  const named = caFile !== null && certFile !== null && keyFile !== null ? { caFile, certFile, keyFile } : null;
  const tls = named ?? (clusterAddress === null ? null : own);
  return natsBus({ servers, name, ...(tls ? { tls } : {}), ...parts });
}
