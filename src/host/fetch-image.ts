// Bytes of images for a host that is not where they are kept: over the cluster's listener, as the host that it is.

import { createWriteStream, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { BaseImage } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { TlsFiles } from '#/platform/bus/nats/configured.ts';
import { Problem } from '#/platform/problem/problem.ts';

const idleMs = 60_000;

/**
 * Writes an image's bytes to `target`; whether they are the right ones is checked by who keeps them.
 * @param servers `https://10.0.0.11:8701`, tried in turn
 */
export function imageFetcher(servers: readonly string[], files: TlsFiles) {
  return async ({ key, sizeBytes }: BaseImage, target: string): Promise<void> => {
    const image = key.slice('image/'.length);
    let reason = '-';
    for (const server of servers) {
      try {
        const answer = await ask(new URL(`/images/${image}`, server), files);
        const length = Number(answer.headers['content-length']);
        if (answer.statusCode !== 200 || length !== sizeBytes) {
          answer.destroy();
          reason = `${server}: HTTP ${answer.statusCode}, ${length} bytes`;
          continue;
        }
        return await pipeline(answer, createWriteStream(target, { mode: 0o600 }));
      } catch (cause) {
        reason = `${server}: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`;
      }
    }
    throw new Problem('unavailable', hypervisorTexts.imageNotFetched, { image, reason });
  };
}

function ask(url: URL, { caFile, certFile, keyFile }: TlsFiles): Promise<IncomingMessage> {
  // Read anew each time: a machine that joins again has other ones.
  const [ca, cert, key] = [caFile, certFile, keyFile].map(file => readFileSync(file));
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, cert, key, agent: false, minVersion: 'TLSv1.3', timeout: idleMs }, resolve);
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', reject);
    asked.end();
  });
}
