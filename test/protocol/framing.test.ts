// Requests whose ends can be read in two ways, and other things that are no HTTP: refused, the connection closed, and the
// bytes after them never taken for a request (RFC 9112, 6.3; RFC 9110, 5.5).

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Edge, edge } from './edge.ts';
import { head, raw, rawConnection } from './raw.ts';

let server: Edge;
before(async () => {
  server = await edge();
});
after(() => server[Symbol.asyncDispose]());

const word = '{"word":"hello"}';
const json = 'Content-Type: application/json';
const smuggled = head('GET /edge/list HTTP/1.1');

const ambiguous: Record<string, string> = {
  'a length and chunks': head(
    'POST /edge/echo HTTP/1.1',
    json,
    `Content-Length: ${word.length}`,
    'Transfer-Encoding: chunked',
  ),
  'chunks and a length': head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
  'two lengths that differ': head(
    'POST /edge/echo HTTP/1.1',
    json,
    `Content-Length: ${word.length}`,
    'Content-Length: 3',
  ),
  'two equal lengths': head(
    'POST /edge/echo HTTP/1.1',
    json,
    `Content-Length: ${word.length}`,
    `Content-Length: ${word.length}`,
  ),
  'a list of lengths': head('POST /edge/echo HTTP/1.1', json, `Content-Length: ${word.length}, ${word.length}`),
  'a space before the colon': head('POST /edge/echo HTTP/1.1', json, `Content-Length : ${word.length}`),
  'a space before chunked': head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding : chunked'),
  'a signed length': head('POST /edge/echo HTTP/1.1', json, `Content-Length: +${word.length}`),
  'a negative length': head('POST /edge/echo HTTP/1.1', json, 'Content-Length: -1'),
  'a hexadecimal length': head('POST /edge/echo HTTP/1.1', json, 'Content-Length: 0x10'),
  'a length beyond numbers': head('POST /edge/echo HTTP/1.1', json, `Content-Length: ${'9'.repeat(40)}`),
  'an unknown coding': head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: xchunked'),
  'chunked not last': head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked, identity'),
  'chunked twice': head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  'bare line feeds': head('POST /edge/echo HTTP/1.1', json, `Content-Length: ${word.length}`).replaceAll('\r\n', '\n'),
  'a folded line': head(
    'POST /edge/echo HTTP/1.1',
    json,
    'X-Folded: a\r\n b',
    'Transfer-Encoding:\r\n chunked',
    'Content-Length: 3',
  ),
  'a NUL in a header': head('POST /edge/echo HTTP/1.1', json, `X-Odd: a\0b`, `Content-Length: ${word.length}`),
  'a carriage return in a header': head(
    'POST /edge/echo HTTP/1.1',
    json,
    'X-Odd: a\rb',
    `Content-Length: ${word.length}`,
  ),
  'a line before the headers': `GET /edge/list HTTP/1.1\r\n Host: cloud.test\r\nContent-Length: 0\r\n\r\n`,
  'no version': 'GET /edge/list\r\n\r\n',
  'another version': head('GET /edge/list HTTP/9.9'),
  'HTTP/2 on a plain socket': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'an unknown method': head('HACK /edge/list HTTP/1.1'),
  'no HTTP at all': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(300, '\x80'),
};

for (const [what, bytes] of Object.entries(ambiguous))
  test(`${what}: refused and closed`, async () => {
    const answer = await raw(server.url, Buffer.from(bytes + word + smuggled, 'latin1'));
    ok(answer.closed, `still open; ${answer.text.slice(0, 200)}`);
    ok(answer.status >= 400 && answer.status < 500, `answered ${answer.status}: ${answer.text.slice(0, 200)}`);
    equal(answer.statuses.length, 1, 'the bytes after it were taken for a request');
    ok(answer.ms < 2_000, `after ${answer.ms} ms`);
  });

const badChunks: Record<string, string> = {
  'no size': 'zz\r\nhello\r\n0\r\n\r\n',
  'a size with a sign': '-5\r\nhello\r\n0\r\n\r\n',
  'a size beyond numbers': 'fffffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  'a chunk longer than its size': '3\r\nhello\r\n0\r\n\r\n',
  'an endless extension': `5;${'x'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`,
  'extensions on every chunk': `1;${'y'.repeat(200)}\r\nx\r\n`.repeat(2_000),
};

for (const [what, body] of Object.entries(badChunks))
  test(`chunks with ${what}: refused and closed`, async () => {
    const answer = await raw(
      server.url,
      `${head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked')}${body}${smuggled}`,
    );
    ok(answer.closed, `still open; ${answer.text.slice(0, 200)}`);
    ok(answer.status === 0 || (answer.status >= 400 && answer.status < 500), `answered ${answer.status}`);
    ok(answer.statuses.length <= 1, 'the bytes after it were taken for a request');
  });

test('chunks with a trailer are read, the trailer is not a header', async () => {
  const body = `${word.length.toString(16)}\r\n${word}\r\n0\r\nX-Auth-Token: nonsense\r\n\r\n`;
  const bytes = head('POST /edge/echo HTTP/1.1', json, 'Transfer-Encoding: chunked', 'Connection: close') + body;
  const answer = await raw(server.url, bytes);
  equal(answer.status, 200);
  match(answer.text, /"hello"/);
});

test('HTTP/1.1 without a host is refused', async () => {
  const answer = await raw(server.url, 'GET /edge/list HTTP/1.1\r\n\r\n');
  equal(answer.status, 400);
  ok(answer.closed);
});

test('HTTP/1.0 without a host is answered, and the connection closed', async () => {
  const answer = await raw(server.url, 'GET /edge/list HTTP/1.0\r\n\r\n');
  equal(answer.status, 200);
  ok(answer.closed);
});

test('a whole URL in the request line means its path, whatever host it names', async () => {
  const answer = await raw(server.url, head('GET http://elsewhere.test:99/edge/list HTTP/1.1', 'Connection: close'));
  equal(answer.status, 200);
  const bare = await raw(server.url, head('GET http://elsewhere.test HTTP/1.1', 'Connection: close'));
  equal(bare.status, 404);
});

test('request lines that are no path are refused', async () => {
  for (const target of [
    '*',
    'edge/list',
    '//elsewhere.test/x',
    '/%',
    '/edge/%E0%A4%A',
    '/edge/%00',
    '/edge/..%2f..%2fetc',
    '/edge/\\..\\x',
  ])
    for (const method of ['GET', 'OPTIONS', 'POST']) {
      const answer = await raw(server.url, head(`${method} ${target} HTTP/1.1`, 'Connection: close'));
      ok(answer.status >= 400 && answer.status < 500, `${method} ${target}: ${answer.status}`);
    }
});

test('CONNECT and TRACE lead nowhere', async () => {
  const tunnel = await raw(server.url, head('CONNECT elsewhere.test:443 HTTP/1.1'), { ms: 1_500 });
  ok(tunnel.closed);
  notEqual(tunnel.status, 200);
  equal((await raw(server.url, head('TRACE /edge/list HTTP/1.1', 'Connection: close'))).status, 405);
});

test('an upgrade that nobody serves is refused, and a reset after it harms nobody', async () => {
  const upgrade = head(
    'GET /edge/list HTTP/1.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
  );
  const answer = await raw(server.url, upgrade);
  equal(answer.status, 404);
  ok(answer.closed);
  const connection = await rawConnection(server.url);
  connection.send(upgrade);
  connection.socket.resetAndDestroy();
  equal((await raw(server.url, head('GET /edge/list HTTP/1.1', 'Connection: close'))).status, 200);
});

test('requests sent together are answered one after another', async () => {
  const bytes =
    head('POST /edge/echo HTTP/1.1', json, `Content-Length: ${word.length}`) +
    word +
    head('GET /edge/nothing HTTP/1.1');
  const answer = await raw(server.url, bytes.repeat(20), { answers: 40 });
  deepEqual(answer.statuses, Array.from({ length: 20 }, () => [200, 404]).flat());
});

test('an answer before the body leaves a connection that still works', async () => {
  const unwanted = 'x'.repeat(1_000);
  const bytes = head('POST /edge/nothing HTTP/1.1', json, `Content-Length: ${unwanted.length}`) + unwanted;
  const answer = await raw(server.url, bytes.repeat(3), { answers: 3 });
  deepEqual(answer.statuses, [404, 404, 404]);
});
