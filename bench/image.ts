// How an image of 1 GiB goes in and out: memory that the process takes for it, and its pace against a plain sequential
// copy of a file of the same size on the same disk, in turns. Where the disk is faster than the two checksums that every
// upload needs, those are what an upload can be held against.

import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measurement, median, megabytes } from './measurement.ts';

const chunk = Buffer.alloc(1 << 20, 'haneul');
const mib = 1024;
const growthLimit = 64 * 2 ** 20;
const rounds = 3;

export const image: Measurement = {
  name: 'image',
  about: `an image of ${mib} MiB: upload and download`,
  async run(tell) {
    const directory = await mkdtemp(join(tmpdir(), 'haneul-bench-image-'));
    const server = fork(join(import.meta.dirname, 'image-server.ts'), [directory, String(rounds)]);
    const message = <T>(): Promise<T> => new Promise(resolve => server.once('message', told => resolve(told as T)));
    const told = (): Promise<{ urls: string[]; token: string }> => message();
    const memory = (): Promise<{ growth: number }> => message();
    try {
      const { urls, token } = await told();
      const original = join(directory, 'original');
      await timed(() => writeFile(original));
      const took = { copy: [] as number[], upload: [] as number[], download: [] as number[], hashing: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        took.copy.push(await timed(() => plainCopy(original, join(directory, 'copy'))));
        took.upload.push(await timed(() => send(urls[round]!, token)));
        took.download.push(await timed(() => fetchAll(urls[round]!, token)));
        took.hashing.push(await timed(bothChecksums));
      }
      const [copy, upload, download, hashing] = [
        median(took.copy),
        median(took.upload),
        median(took.download),
        median(took.hashing),
      ];
      const answer = memory();
      server.send('memory');
      const { growth } = await answer;
      for (const [what, ms, name, other] of [
        ['upload', upload, 'synced copy of a file', copy],
        ['upload', upload, 'MD5, then SHA-512, alone', hashing],
        ['download', download, 'synced copy of a file', copy],
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

async function writeFile(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let at = 0; at < mib; at++) await file.write(chunk);
  await file.sync();
  await file.close();
}

async function plainCopy(from: string, to: string): Promise<void> {
  const [source, file] = [await open(from, 'r'), await open(to, 'w')];
  const buffer = Buffer.alloc(chunk.length);
  for (let at = 0; at < mib; at++) {
    await source.read(buffer);
    await file.write(buffer);
  }
  await file.sync();
  await Promise.all([source.close(), file.close()]);
  await rm(to);
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
