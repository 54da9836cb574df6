// The NATS bus as the configuration describes it; the client is loaded only where there is one.

import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Bus } from '../bus.ts';
import { natsBus } from './nats-bus.ts';

type Settings = Pick<Config, 'busServers' | 'busCaFile' | 'busCertificateFile' | 'busKeyFile'>;

/** @param name `control`, or a host's token. @returns null where no server is configured */
export function configuredNatsBus(
  { busServers: servers, busCaFile: caFile, busCertificateFile: certFile, busKeyFile: keyFile }: Settings,
  name: string,
  parts: { clock: Clock; random: Random; log: Logger },
): Bus | null {
  if (!servers.length) return null;
  const tls = caFile !== null && certFile !== null && keyFile !== null ? { caFile, certFile, keyFile } : undefined;
  return natsBus({ servers: [...servers], name, ...(tls ? { tls } : {}), ...parts });
}
