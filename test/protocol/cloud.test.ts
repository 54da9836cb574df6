// Hostile clients before the whole cloud: nothing half done, nothing slow, nothing kept.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';
import { head, raw, rawConnection } from './raw.ts';

let cloud: TestCloud;
const lines: string[] = [];
before(async () => {
  cloud = await testCloud({ hosts: 0, seed: 41, logLevel: 'info', logTo: line => void lines.push(line) });
});
after(() => cloud[Symbol.asyncDispose]());

const json = 'Content-Type: application/json';
const octets = { 'content-type': 'application/octet-stream' };

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; of: T }> {
  const started = performance.now();
  const of = await work();
  return { ms: performance.now() - started, of };
}

/** So many requests, some at a time; the statuses that came. */
async function many(count: number, send: (at: number) => Promise<{ status: number }>): Promise<number[]> {
  const statuses = new Set<number>();
  for (let at = 0; at < count; at += 50)
    for (const { status } of await Promise.all(Array.from({ length: 50 }, (_, of) => send(at + of))))
      statuses.add(status);
  return [...statuses];
}

test('a body that is cut off makes nothing', async () => {
  const member = cloud.as('member');
  const before = (await member.get('/network/v2.0/networks')).networks.length;
  const body = JSON.stringify({ network: { name: 'cut' } });
  for (const length of [body.length + 1, body.length * 2]) {
    const connection = await rawConnection(cloud.url);
    connection.send(
      head('POST /network/v2.0/networks HTTP/1.1', json, `X-Auth-Token: ${member.token}`, `Content-Length: ${length}`) +
        body,
    );
    await new Promise(resolve => setTimeout(resolve, 30));
    connection.socket.destroy();
  }
  await new Promise(resolve => setTimeout(resolve, 30));
  equal((await member.get('/network/v2.0/networks')).networks.length, before);
});

test('an upload that is cut off leaves an image that can be uploaded', async () => {
  const member = cloud.as('member');
  const image = await member.post('/image/v2/images', { name: 'cut', disk_format: 'raw', container_format: 'bare' });
  const path = `/image/v2/images/${image.id}/file`;
  const lines = ['Content-Type: application/octet-stream', `X-Auth-Token: ${member.token}`];
  for (const framing of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
    const connection = await rawConnection(cloud.url);
    const bytes = framing.startsWith('T') ? `400\r\n${'x'.repeat(1_024)}\r\n` : 'x'.repeat(1_024);
    connection.send(head(`PUT ${path} HTTP/1.1`, ...lines, framing) + bytes);
    await new Promise(resolve => setTimeout(resolve, 50));
    connection.socket.resetAndDestroy();
    await new Promise(resolve => setTimeout(resolve, 100));
    equal((await member.get(`/image/v2/images/${image.id}`)).status, 'queued', framing);
  }
  equal((await member.request('PUT', path, { raw: Buffer.alloc(2_000, 1), headers: octets })).status, 204);
  equal((await member.get(`/image/v2/images/${image.id}`)).size, 2_000);
});

test('a slow upload is cut after some seconds of too little', async () => {
  const member = cloud.as('member');
  const image = await member.post('/image/v2/images', { name: 'slow', disk_format: 'raw', container_format: 'bare' });
  const connection = await rawConnection(cloud.url);
  const lines = ['Content-Type: application/octet-stream', `X-Auth-Token: ${member.token}`, 'Content-Length: 100000'];
  connection.send(`${head(`PUT /image/v2/images/${image.id}/file HTTP/1.1`, ...lines)}x`);
  await new Promise(resolve => setTimeout(resolve, 100));
  await cloud.advance(21_000);
  ok((await connection.answer({ ms: 2_000 })).closed);
  await new Promise(resolve => setTimeout(resolve, 100));
  equal((await member.get(`/image/v2/images/${image.id}`)).status, 'queued');
});

test('10,000 bad tokens, 5,000 unknown paths: quick, little memory, few log lines', async () => {
  const anonymous = cloud.anonymous();
  const bad = (client: TestClient, at: number) =>
    client.request('GET', '/identity/v3/users', { headers: { 'x-auth-token': `gAAAAAB${at}${'x'.repeat(200)}` } });
  await many(500, at => bad(anonymous, at));
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const logged = lines.length;
  const { ms, of } = await timed(async () => [
    ...(await many(10_000, at => bad(anonymous, at))),
    ...(await many(5_000, at => cloud.as('member').request('GET', `/compute/v2.1/unknown-${at}/x?y=${at}`))),
  ]);
  deepEqual(of, [401, 404]);
  ok(ms < 40_000, `${ms} ms`);
  globalThis.gc?.();
  const grown = (process.memoryUsage().heapUsed - before) >> 20;
  ok(grown < 150, `${grown} MiB more`);
  ok(lines.length - logged < 1_000, `${lines.length - logged} lines were logged`);
});

test('patterns that send a matcher astray are answered at once', async () => {
  const member = cloud.as('member');
  const evil = encodeURIComponent('(a+)+$');
  const long = `${'a'.repeat(40)}!`;
  await member.post('/network/v2.0/networks', { network: { name: long } });
  for (const { name, endpoints } of cloud.cloud.services)
    for (const { method, path, policy } of endpoints) {
      if (method !== 'GET' || policy === 'public' || /\{(?!project_id)/.test(path)) continue;
      const url = `/${name}${path.replace('{project_id}', member.projectId)}`;
      for (const query of [
        `name=${evil}`,
        `name~=${evil}`,
        `ip=${evil}&ip6=${evil}`,
        `fixed_ips=ip_address_substr=${evil}`,
        `${'a'.repeat(40)}=${evil}`,
      ]) {
        const { ms, of } = await timed(() => member.request('GET', `${url}?${query}`));
        ok(of.status < 500, `${url}?${query}: ${of.status}`);
        ok(ms < 1_000, `${url}?${query}: ${ms} ms`);
      }
    }
});

test('bodies that are hard to read are refused at once', async () => {
  const member = cloud.as('member');
  const hard: Record<string, string | Buffer> = {
    deep: '['.repeat(500_000),
    'deep objects': '{"a":'.repeat(100_000),
    wide: `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":1`).join()}}`,
    long: `[${'1,'.repeat(400_000)}1]`,
    'equal hashes': `{${Array.from({ length: 20_000 }, (_, at) => `"${at * 65_536}":1`).join()}}`,
    'a long number': `{"network":${'9'.repeat(900_000)}}`,
    'a long text': `{"network":{"name":"${'\\u0041'.repeat(150_000)}"}}`,
    'half a surrogate': '{"network":{"name":"\\ud800"}}',
    'bad UTF-8': Buffer.from([0x7b, 0xc3, 0x28, 0x7d]),
    'a byte order mark of UTF-16': Buffer.from('\ufeff{}', 'utf16le'),
    gzip: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
  };
  for (const [what, bytes] of Object.entries(hard))
    for (const path of [
      '/network/v2.0/networks',
      '/compute/v2.1/servers',
      '/identity/v3/auth/tokens',
      '/image/v2/images',
    ]) {
      const { ms, of } = await timed(() =>
        member.request('POST', path, { raw: bytes, headers: { 'content-type': 'application/json' } }),
      );
      if (what !== 'half a surrogate') ok(of.status >= 400 && of.status < 500, `${what} to ${path}: ${of.status}`);
      else ok(of.status < 500, `${what} to ${path}: ${of.status}`);
      ok(ms < 1_500, `${what} to ${path}: ${ms} ms`);
    }
});

test('answers say what they are and allow no other origin', async () => {
  const { token } = cloud.as('member');
  for (const path of ['/identity/v3', '/network/v2.0/networks', '/compute/v2.1/servers/x', '/nothing']) {
    const answer = await raw(
      cloud.url,
      head(`GET ${path} HTTP/1.1`, `X-Auth-Token: ${token}`, 'Origin: http://elsewhere.test', 'Connection: close'),
    );
    ok(/x-content-type-options: nosniff/i.test(answer.text), path);
    ok(/content-type: application\/json/i.test(answer.text), path);
    ok(!/access-control-allow/i.test(answer.text), path);
    ok(!/x-powered-by|^server:/im.test(answer.text), path);
  }
});
