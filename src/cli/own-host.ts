// The host on a machine that has joined, as the cloud sees it: asked with the machine's certificate.

import { readFileSync } from 'node:fs';
import { askSelf, type SelfView } from '#/cluster/client.ts';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import type { Config } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';

/** Null while none of the cloud's control planes answers. */
export async function ownHost(
  { clusterServers }: Pick<Config, 'clusterServers'>,
  { machine }: Pick<DataPaths, 'machine'>,
): Promise<(SelfView & { server: string }) | null> {
  const files = tlsFilesIn(machine);
  const [authority = '', certificate, key] = [files.caFile, files.certFile, files.keyFile].map(file =>
    readFileSync(file, 'utf8'),
  );
  for (const server of clusterServers) {
    const seen = await askSelf(server, { authority, certificate, key });
    if (seen) return { ...seen, server };
  }
  return null;
}
