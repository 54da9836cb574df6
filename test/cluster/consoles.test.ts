// A guest on another machine than the API: its screen and its serial line in a browser, its console log, and an image of it.

import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { eventually } from '../scenarios/haneul.ts';
import { apiOf, boot } from './api.ts';
import { testBed } from './testbed.ts';

const patienceMs = 180_000;

test('consoles and an image of a guest on another machine', { timeout: 600_000 }, async () => {
  await using bed = await testBed('consoles');
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  const server = await boot(one, 'two', 'far');
  const api = await apiOf(one, 'demo');
  const path = `/compute/v2.1/servers/${server.id}`;

  await eventually(async () => {
    const { output } = await api.post(`${path}/action`, { 'os-getConsoleOutput': { length: null } });
    match(output, /login:/);
  }, patienceMs);

  const consoleOf = async (protocol: string, type: string): Promise<string> =>
    (await api.post(`${path}/remote-consoles`, { remote_console: { protocol, type } })).remote_console.url;
  const screen = new URL(await consoleOf('vnc', 'novnc'));
  const socket = `ws://${screen.host}/${screen.searchParams.get('path')}`;
  match(await heard(socket, '', /^RFB 003\.\d+\n/), /^RFB/);
  equal(await heard(socket, '', /./), 'HTTP 403');
  match(await heard(await consoleOf('serial', 'serial'), '\n', /login:/), /login:/);

  await api.post(`${path}/action`, { createImage: { name: 'of far' } });
  await eventually(async () => {
    const { images } = await api.get('/image/v2/images?name=of far');
    equal(images[0].status, 'active');
  }, patienceMs);
});

/** What comes on a WebSocket until it is like that, or how it was refused. */
function heard(url: string, say: string, wanted: RegExp): Promise<string> {
  const socket = new WebSocket(url, ['binary']);
  const timer = setTimeout(() => socket.close(), patienceMs);
  return new Promise<string>((resolve, reject) => {
    let said = '';
    socket.on('open', () => socket.send(Buffer.from(say)));
    socket.on('message', (bytes: Buffer) => {
      said += bytes.toString('latin1');
      if (wanted.test(said)) socket.close();
    });
    socket.on('close', () => resolve(said));
    socket.on('unexpected-response', (_request, response) => resolve(`HTTP ${response.statusCode}`));
    socket.on('error', reject);
  }).finally(() => clearTimeout(timer));
}
