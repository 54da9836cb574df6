// How an image of 1 GiB goes in and out: memory that the process takes for it, and its pace against a plain sequential
// copy of the same bytes on the same disk. Run: node bench/image-stream.ts [MiB]

import { mkdtemp, open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fork } from 'node:child_process';
import { testCloud } from '../test/test-cloud.ts';

const chunk = Buffer.alloc(1 << 20, 'haneul');

if (process.send) await serve();
else await measure(Number(process.argv[2] ?? 1024));

/** The cloud, in a process of its own so that only its memory counts. */
async function serve(): Promise<void> {
  const directory = process.argv[2]!;
  const cloud = await testCloud({ hosts: 0, seed: 7, directory, realClock: true });
  const member = cloud.as('member');
  const ask = { name: 'big', disk_format: 'raw', container_format: 'bare' };
  const { id } = await member.post('/image/v2/images', ask, 201);
  // What is started once, such as the hashing thread, is there before memory is looked at.
  const warm = await member.post('/image/v2/images', ask, 201);
  const headers = { 'content-type': 'application/octet-stream' };
  await member.request('PUT', `/image/v2/images/${warm.id}/file`, { raw: Buffer.alloc(1 << 20), headers });
  let peak = process.memoryUsage().rss;
  const before = peak;
  setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20).unref();
  process.send!({ url: `${cloud.url}/image/v2/images/${id}/file`, token: member.token });
  process.on('message', () => process.send!({ growth: peak - before }));
}

async function measure(mib: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'haneul-bench-image-'));
  const server = fork(import.meta.filename, [directory]);
  const told = (): Promise<Record<string, string & number>> =>
    new Promise(resolve => server.once('message', message => resolve(message as Record<string, string & number>)));
  const memory = async (): Promise<number> => {
    const answer = told();
    server.send('memory');
    return (await answer)['growth']! / 2 ** 20;
  };
  try {
    const { url, token } = await told();
    const copy = await timed(() => plainCopy(join(directory, 'plain'), mib));
    const upload = await timed(() => send(url!, token!, mib));
    const afterUpload = await memory();
    const download = await timed(() => fetchAll(url!, token!));
    const growthMib = await memory();
    const pace = (ms: number): string => `${Math.round(mib / (ms / 1000))} MiB/s`;
    process.stdout.write(
      `${mib} MiB\n` +
        `  plain copy, synced  ${pace(copy)}\n` +
        `  upload              ${pace(upload)} (${(upload / copy).toFixed(2)} × the time of the copy)\n` +
        `  download            ${pace(download)} (${(download / copy).toFixed(2)} ×)\n` +
        `  memory grew by      ${growthMib.toFixed(0)} MiB at most (${afterUpload.toFixed(0)} by the upload)\n`,
    );
    if (growthMib >= 64) process.exitCode = 1;
  } finally {
    server.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function plainCopy(path: string, mib: number): Promise<void> {
  const file = await open(path, 'w');
  for (let at = 0; at < mib; at++) await file.write(chunk);
  await file.sync();
  await file.close();
  await rm(path);
}

function send(url: string, token: string, mib: number): Promise<void> {
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
    })
      .on('error', reject)
      .end();
  });
}
