// Fetching: what may be reached, and within which bounds.

import { equal, rejects } from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#/platform/clock/clock.ts';
import { createFetchOut } from '#/platform/http/fetch-out.ts';
import { Problem } from '#/platform/problem/problem.ts';

const clock = systemClock();
const kind = (wanted: string) => (thrown: unknown) => thrown instanceof Problem && thrown.kind === wanted;

for (const url of [
  'http://127.0.0.1/',
  'http://0.0.0.0/',
  'http://[::1]/',
  'http://[::]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://169.254.169.254/latest/meta-data',
  'http://10.1.2.3/',
  'http://192.168.0.1/',
  'http://172.31.255.255/',
  'http://100.64.0.1/',
  'http://224.0.0.1/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://localhost/',
  'ftp://example.org/',
  'file:///etc/passwd',
  'http://user:secret@example.org/',
])
  test(`refuses ${url}`, async () => {
    await rejects(createFetchOut({ clock })(url), kind('invalid'));
  });

test('refuses a name when any of its addresses is private', async () => {
  const fetchOut = createFetchOut({ clock, resolve: async () => ['8.8.8.8', '127.0.0.1'] });
  await rejects(fetchOut('http://rebind.example.org/'), kind('invalid'));
});

test('what the operator allows is fetched, within size, time and three redirects', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming.headers.authorization);
    const { url = '' } = incoming;
    if (url === '/slow') return;
    if (url === '/large') return void outgoing.end('x'.repeat(5_000));
    const hops = /^\/hop\/(\d)$/.exec(url);
    if (hops && hops[1] !== '0') return void outgoing.writeHead(302, { location: `/hop/${Number(hops[1]) - 1}` }).end();
    if (url === '/inside') return void outgoing.writeHead(302, { location: 'http://127.0.0.2:1/' }).end();
    if (url === '/elsewhere') return void outgoing.writeHead(302, { location: `http://name.test:${port}/hop/0` }).end();
    outgoing.end('here');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const fetchOut = createFetchOut({ clock, allowed: ['127.0.0.1/32'], resolve: async () => ['127.0.0.1'] });
  try {
    equal(await (await fetchOut(at('/hop/3'))).text(), 'here');
    equal((await fetchOut(at('/hop/4'))).status, 302);
    await rejects(fetchOut(at('/inside')), kind('invalid'));
    await rejects(fetchOut(at('/large'), { limitBytes: 1_000 }), kind('unavailable'));
    await rejects(fetchOut(at('/slow'), { timeoutMs: 50 }), kind('unavailable'));
    seen.length = 0;
    equal(await (await fetchOut(at('/elsewhere'), { headers: { authorization: 'Bearer x' } })).text(), 'here');
    equal(seen.join(), 'Bearer x,', 'credentials do not go to another origin');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
