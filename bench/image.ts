// How an image of 1 GiB goes in and out: memory that the process takes for it, and its pace against a plain sequential
// copy of the same bytes on the same disk. Where the disk is faster than the two checksums that every upload needs, those
// are what an upload can be held against.

import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measurement, megabytes } from './measurement.ts';

const chunk = Buffer.alloc(1 << 20, 'haneul');
const mib = 1024;
const growthLimit = 64 * 2 ** 20;

export const image: Measurement = {
  name: 'image',
  about: `an image of ${mib} MiB: upload and download`,
  async run(tell) {
    const directory = await mkdtemp(join(tmpdir(), 'haneul-bench-image-'));
    const server = fork(join(import.meta.dirname, 'image-server.ts'), [directory]);
    const told = (): Promise<Record<string, string & number>> =>
      new Promise(resolve => server.once('message', message => resolve(message as Record<string, string & number>)));
    try {
      const { url, token } = await told();
      const copy = await timed(() => plainCopy(join(directory, 'plain')));
      const upload = await timed(() => send(url!, token!));
      const download = await timed(() => fetchAll(url!, token!));
      const answer = told();
      server.send('memory');
      const growth = (await answer)['growth']!;
      const hashing = await timed(bothChecksums);
      for (const [what, ms, name, other] of [
        ['upload', upload, 'plain synced copy', copy],
        ['upload', upload, 'MD5, then SHA-512, alone', hashing],
        ['download', download, 'plain synced copy', copy],
      ] as const) {
        const ratio = other / ms;
        tell({
          what,
          measured: pace(ms),
          against: `${name} ${pace(other)}`,
          ratio: `${ratio.toFixed(2)}×`,
          ...(other === copy ? { target: '≥ 0.5×', met: ratio >= 0.5 } : {}),
        });
      }
      const met = growth < growthLimit;
      tell({ what: 'memory grew at most by', measured: megabytes(growth), target: '< 64 MiB', met });
      return undefined;
    } finally {
      server.kill();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function pace(ms: number): string {
  return `${Math.round(mib / (ms / 1000))} MiB/s`;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function plainCopy(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let at = 0; at < mib; at++) await file.write(chunk);
  await file.sync();
  await file.close();
  await rm(path);
}

async function bothChecksums(): Promise<void> {
  for (const algorithm of ['md5', 'sha512']) {
    const hash = createHash(algorithm);
    for (let at = 0; at < mib; at++) hash.update(chunk);
    hash.digest();
  }
}

function send(url: string, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-auth-token': token,
      'content-type': 'application/octet-stream',
      'content-length': mib * chunk.length,
    };
    const upload = request(url, { method: 'PUT', headers }, answer => {
      answer.resume();
      if (answer.statusCode === 204) answer.on('end', resolve);
      else reject(new Error(`upload: ${answer.statusCode}`));
    });
    upload.on('error', reject);
    let at = 0;
    const next = (): void => {
      while (at < mib) {
        at++;
        if (!upload.write(chunk)) return void upload.once('drain', next);
      }
      upload.end();
    };
    next();
  });
}

function fetchAll(url: string, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { 'x-auth-token': token } }, answer => {
      answer.on('data', () => {});
      answer.on('end', resolve);
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
