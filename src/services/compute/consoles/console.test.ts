import { equal, match } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { commandSubject, openConsole } from '#/host/commands.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { systemClock } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { consolePage, consoleUpgrade } from '#/services/compute/consoles/console-proxy.ts';
import { someImage, someNetwork } from '../../../../test/image-and-network.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

test('a console is opened once, by who has its URL, from our own pages', async () => {
  await using cloud = await testCloud({ hosts: 1 });
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.8' });
  const imageRef = await someImage(cloud.as('admin'));
  const network = await someNetwork(member);
  const { server } = await member.post(
    '/compute/v2.1/servers',
    { server: { name: 's', imageRef, flavorRef: 'tiny', networks: [{ uuid: network }] } },
    202,
  );
  await cloud.settle();
  const consoles = `/compute/v2.1/servers/${server.id}/remote-consoles`;
  await member.post(consoles, { remote_console: { protocol: 'spice', type: 'spice-html5' } }, 400);
  const ask = async (): Promise<string> =>
    (await member.post(consoles, { remote_console: { protocol: 'vnc', type: 'novnc' } }, 200)).remote_console.url;
  match(await ask(), /\/console\/vnc\.html\?path=console%2Fwebsockify%3Ftoken%3D/);

  // A host whose guest greets and echoes, and the proxy before it.
  const folder = mkdtempSync(join(tmpdir(), 'console-test-'));
  const screen = createSocket(socket => {
    socket.write('RFB 003.008\n');
    socket.pipe(socket);
  });
  const path = join(folder, 'screen');
  await new Promise<void>(resolve => screen.listen(path, resolve));
  const log = createLogger('test', 'silent');
  const bus = memoryBus({ clock: systemClock(), log });
  bus.serve(commandSubject('host-1', openConsole.name), async () => ({ path }));
  const page = consolePage();
  const http = createServer((incoming, outgoing) => void (page(incoming, outgoing) || outgoing.writeHead(404).end()));
  const upgrade = consoleUpgrade({
    db: cloud.db,
    bus,
    clock: systemClock(),
    log,
    publicUrl: () => 'http://cloud.example',
  });
  http.on('upgrade', (incoming, socket, head) => void (upgrade(incoming, socket, head) || socket.destroy()));
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  const origin = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  try {
    const pageText = await (await fetch(`http://${origin}/console/vnc.html?path=x`)).text();
    match(pageText, /noVNC/);
    equal((await fetch(`http://${origin}/console/core/rfb.js`)).status, 200);
    equal((await fetch(`http://${origin}/console/package.json`)).status, 404);
    equal((await fetch(`http://${origin}/console/core/..%2f..%2f..%2fpackage.js`)).status, 404);
    const target = async () => `ws://${origin}/${new URL(await ask()).searchParams.get('path')}`;
    const url = await target();
    equal(await talk(await target(), 'http://evil.example'), 403);
    equal(await talk(url), 'RFB 003.008\nhello');
    equal(await talk(url), 403);
    equal(await talk(`ws://${origin}/console/websockify?token=none`), 403);
  } finally {
    http.close();
    http.closeAllConnections();
    screen.close();
    await bus.close();
    rmSync(folder, { recursive: true });
  }
});

/** What the guest says after `hello`, or the status of the refusal. */
function talk(url: string, origin?: string): Promise<string | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ['binary'], origin ? { origin } : {});
    let said = '';
    socket.on('open', () => socket.send(Buffer.from('hello')));
    socket.on('message', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.endsWith('hello')) {
        socket.close();
        resolve(said);
      }
    });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}
