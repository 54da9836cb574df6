// Clients that take their time: each is cut in bounded time, and an honest one beside them is served as if they were not there.

import { equal, ok } from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { connectionLimits } from '#/platform/http/connection.ts';
import { settled, virtualClock } from '../virtual-clock.ts';
import { edge } from './edge.ts';
import { head, raw, type RawConnection, rawConnection } from './raw.ts';

const json = 'Content-Type: application/json';
const quick = { headersMs: 300, idleMs: 500, checkMs: 100 };

test('the limits are those that the rules name', () => {
  const { headerBytes, headerLines, headersMs, idleMs, bytesPerSecond, checkMs } = connectionLimits;
  equal(headerBytes, 64 * 1024);
  equal(headerLines, 200);
  equal(headersMs, 10_000);
  equal(idleMs, 60_000);
  equal(bytesPerSecond, 1024);
  ok(checkMs <= 5_000);
});

test('a header that never ends is cut', async () => {
  await using server = await edge({ limits: quick });
  const connection = await rawConnection(server.url);
  connection.send('GET /edge/list HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => connection.send('X-More: 1\r\n'), 50);
  const answer = await connection.answer({ ms: 5_000 });
  clearInterval(drip);
  ok(answer.closed);
  equal(answer.status, 408);
  connection.close();
});

test('a connection on which nothing comes is cut', async () => {
  await using server = await edge({ limits: quick });
  const connection = await rawConnection(server.url);
  ok((await connection.answer({ ms: 5_000 })).closed);
});

test('a connection is cut between requests, after the idle time', async () => {
  await using server = await edge({ limits: quick });
  const connection = await rawConnection(server.url);
  connection.send(head('GET /edge/nothing HTTP/1.1'));
  const answer = await connection.answer({ ms: 5_000 });
  equal(answer.status, 404);
  ok(answer.closed);
});

test('a client that stops in the middle of an upload is cut', async () => {
  await using server = await edge({ limits: quick });
  const connection = await rawConnection(server.url);
  connection.send(`${head('PUT /edge/upload HTTP/1.1', 'Content-Length: 1000000')}${'x'.repeat(10_000)}`);
  ok((await connection.answer({ ms: 5_000 })).closed);
  await settled();
  equal(server.uploads[0]?.ended, 'cut');
});

test('an upload below 1 KiB a second is cut, a faster one is not', async () => {
  const clock = virtualClock();
  const server = await edge({ clock });
  const slow = await upload(server.url);
  const fast = await upload(server.url);
  for (let second = 0; second < 45; second++) {
    slow.send('x'.repeat(1_000));
    fast.send('x'.repeat(1_100));
    await arrived(() =>
      server.uploads.every(({ ended, bytes }, at) => (ended === 'cut' && at === 0) || bytes >= (second + 1) * 1_000),
    );
    await clock.advance(1_000);
  }
  ok((await slow.answer({ ms: 1_000 })).closed, 'the slow one is still there');
  const { closed } = await fast.answer({ ms: 50 });
  ok(!closed, 'the fast one was cut');
  fast.close();
  await using _ = server;
});

test('a JSON body that trickles is refused within half a minute', async () => {
  const clock = virtualClock();
  const server = await edge({ clock });
  const connection = await rawConnection(server.url);
  connection.send(`${head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked')}1\r\n{\r\n`);
  await settleReal();
  await clock.advance(31_000);
  const answer = await connection.answer({ answers: 1 });
  equal(answer.status, 400);
  await clock.advance(10_000);
  ok((await connection.answer({ ms: 1_000 })).closed);
  await using _ = server;
});

test('an endless JSON body is refused when it passes the limit', async () => {
  await using server = await edge();
  const connection = await rawConnection(server.url);
  connection.socket.on('error', () => {});
  connection.send(head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked'));
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  let sent = 0;
  while (sent < 64 << 20 && connection.socket.writable) {
    if (!connection.socket.write(chunk)) await new Promise(resolve => setImmediate(resolve));
    sent += chunk.length;
  }
  const answer = await connection.answer({ ms: 3_000 });
  ok(answer.closed);
  equal(answer.status, 413);
  ok(sent < 32 << 20, `${sent} bytes were taken`);
});

test('a header too large or of too many lines is refused', async () => {
  await using server = await edge();
  const large = await raw(server.url, head('GET /edge/list HTTP/1.1', `X-Large: ${'x'.repeat(70_000)}`));
  equal(large.status, 431);
  ok(large.closed);
  const line = await raw(server.url, head(`GET /edge/list?${'x'.repeat(70_000)} HTTP/1.1`));
  equal(line.status, 431);
  const many = (count: number): string =>
    head('GET /edge/list HTTP/1.1', ...Array.from({ length: count - 1 }, (_, at) => `X-${at}: 1`));
  equal((await raw(server.url, many(200), { answers: 1 })).status, 200);
  equal((await raw(server.url, many(201), { answers: 1 })).status, 431);
  equal((await raw(server.url, many(5_000), { answers: 1 })).status, 431);
});

test('10,000 query parameters are refused', async () => {
  await using server = await edge();
  const query = Array.from({ length: 10_000 }, () => 'a').join('&');
  const answer = await raw(server.url, head(`GET /edge/list?${query} HTTP/1.1`), { answers: 1 });
  equal(answer.status, 400);
});

test('clients that do not read a long list are cut, and memory comes back', async () => {
  await using server = await edge({ limits: { ...quick, idleMs: 1_000 } });
  const idle: RawConnection[] = [];
  for (let at = 0; at < 40; at++) {
    const connection = await rawConnection(server.url);
    connection.socket.pause();
    connection.socket.on('error', () => {});
    // Pipelined: 100 MB of answers for each.
    connection.send(head('GET /edge/list HTTP/1.1').repeat(100));
    idle.push(connection);
  }
  await settleReal(200);
  const held = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  ok(held < 600 << 20, `${held >> 20} MiB are held`);
  const started = performance.now();
  equal((await raw(server.url, head('GET /edge/list HTTP/1.1', 'Connection: close'))).status, 200);
  ok(performance.now() - started < 500);
  await settleReal(2_500);
  for (const connection of idle) {
    connection.socket.resume();
    ok((await connection.answer({ ms: 1_000 })).closed, 'one is still open');
  }
});

test('an honest client stays quick beside 200 slow ones', async () => {
  await using server = await edge();
  const alone = await p99(server.url, 300);
  const slow: RawConnection[] = [];
  for (let at = 0; at < 200; at++) {
    const connection = await rawConnection(server.url);
    connection.socket.on('error', () => {});
    connection.send(
      at % 3 === 0
        ? 'GET /edge/list HTTP/1.1\r\nHost: x\r\n'
        : at % 3 === 1
          ? head('POST /edge/echo HTTP/1.1', json, 'Content-Length: 1000')
          : `${head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked')}1;${'z'.repeat(1_000)}\r\n{\r\n`,
    );
    slow.push(connection);
  }
  const drip = setInterval(
    () => slow.forEach((connection, at) => connection.send(at % 3 === 2 ? '1\r\n \r\n' : 'x')),
    20,
  );
  const beside = await p99(server.url, 300);
  clearInterval(drip);
  slow.forEach(connection => connection.close());
  ok(beside < 10 * alone + 50, `p99 ${beside.toFixed(1)} ms beside them, ${alone.toFixed(1)} ms alone`);
});

function upload(url: string): Promise<RawConnection> {
  return rawConnection(url).then(connection => {
    connection.socket.on('error', () => {});
    connection.send(head('PUT /edge/upload HTTP/1.1', 'Content-Length: 10000000'));
    return connection;
  });
}

/** Milliseconds below which 99 of 100 small requests stay. */
async function p99(url: string, count: number): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      const asked = request(`${url}/edge/echo`, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json' },
      });
      asked.on('error', reject);
      asked.on('response', response => response.resume().on('end', resolve));
      asked.end('{"word":"hello"}');
    });
    times.push(performance.now() - started);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(count * 0.99)]!;
}

/** Lets the sockets of this process pass on what was written. */
function settleReal(ms = 30): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

async function arrived(there: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !there(); turn++) await settleReal(2);
}
