// Two hosts of a cluster talk; whoever has no certificate of it, or no ticket, does not.

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { createAuthority, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { openChannel } from '#/platform/channel/channel.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import type { Problem } from '#/platform/problem/problem.ts';

const parts = { clock: systemClock(), random: systemRandom() };
const log = createLogger('test', 'silent');
const directory = mkdtempSync(join(tmpdir(), 'haneul-channel-'));
after(() => rmSync(directory, { recursive: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function files(name: string, authority: { certificate: string; key: string }, address: string) {
  const made = await issueCertificate(authority, { names: [name], addresses: [address] }, parts);
  const at = (kind: string, text: string): string => {
    const path = join(directory, `${name}.${kind}`);
    writeFileSync(path, text);
    return path;
  };
  return {
    caFile: at('ca', authority.certificate),
    certFile: at('crt', made.certificate),
    keyFile: at('key', made.key),
  };
}

test('bytes go over with a ticket, and not without one, nor with a foreign certificate', async () => {
  const authority = await createAuthority(parts);
  const port = await freePort();
  const one = await openChannel({
    address: '127.0.0.1',
    port,
    tls: await files('one', authority, '127.0.0.1'),
    ...parts,
    log,
  });
  const two = await openChannel({
    address: '127.0.0.2',
    port,
    tls: await files('two', authority, '127.0.0.2'),
    ...parts,
    log,
  });
  const stranger = await openChannel({
    address: '127.0.0.3',
    port,
    tls: await files('three', await createAuthority(parts), '127.0.0.3'),
    ...parts,
    log,
  });
  two.serve('guest', async ({ ticket, stream }) => {
    if (ticket !== 'right') return null;
    const echo = new PassThrough();
    echo.write(`${stream}:`);
    return echo;
  });
  const asked = { service: 'guest', id: 's', ticket: 'right', stream: 'memory' };
  const stream = await one.dial('127.0.0.2', asked);
  const sent = Buffer.alloc(1 << 20, 7);
  stream.end(sent);
  const got = await buffer(stream);
  deepEqual([got.subarray(0, 7).toString(), got.length], ['memory:', 7 + sent.length]);
  const refused = (thrown: Problem): boolean => /gives no memory/.test(thrown.say());
  await rejects(one.dial('127.0.0.2', { ...asked, ticket: 'wrong' }), refused);
  await rejects(one.dial('127.0.0.2', { ...asked, service: 'none' }), refused);
  await rejects(stranger.dial('127.0.0.2', asked));
  await rejects(one.dial('127.0.0.3', asked));
  equal(await one.dial('127.0.0.4', asked).catch(() => 'away'), 'away');
  await Promise.all([one.close(), two.close(), stranger.close()]);
});

test('whoever watches a peer hears once that it no longer answers', async () => {
  const authority = await createAuthority(parts);
  const port = await freePort();
  const open = async (name: string, address: string) =>
    openChannel({ address, port, tls: await files(name, authority, address), ...parts, log });
  const [one, two] = [await open('four', '127.0.0.5'), await open('five', '127.0.0.6')];
  const heard: string[] = [];
  const lost = new Promise<void>(resolve => {
    one.watch('127.0.0.6', () => {
      heard.push('lost');
      resolve();
    });
  });
  one.watch('127.0.0.6', () => heard.push('stopped'))();
  await two.close();
  const alive = setInterval(() => {}, 1_000);
  await lost;
  clearInterval(alive);
  deepEqual(heard, ['lost']);
  await one.close();
});
