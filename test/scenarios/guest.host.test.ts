// A real guest from outside: its screen in a browser, and its death seen at once and told with its reason.

import { equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { realCloud, run } from './haneul.ts';

test('a guest’s screen is shown, and its end is seen within 2 s', { timeout: 900_000 }, async () => {
  await using cloud = await realCloud('guest', '172.31.54.0/24');
  const { password } = JSON.parse(readFileSync(`${cloud.data}/run/credentials.json`, 'utf8')) as { password: string };
  const demo = cloud.client('demo', password, 'demo');
  const image = ['--image', 'haneul-tiny', '--flavor', 'tiny'];
  const { id } = await demo('server', 'create', 'guest', ...image, '--network', 'private', '--wait');

  const shown = new URL((await demo('console', 'url', 'show', 'guest')).url);
  match(await (await fetch(shown)).text(), /<html/i);
  const path = shown.searchParams.get('path')!;
  const socket = new WebSocket(`ws://${shown.host}/${path}`, ['binary']);
  const greeting = await new Promise<string>((resolve, reject) => {
    socket.once('message', data => resolve((data as Buffer).toString('latin1')));
    socket.once('error', reject);
  });
  socket.terminate();
  match(greeting, /^RFB 003\.00\d\n$/);

  const pid = Number((await run(['pgrep', '-f', `uuid ${id}`])).stdout.trim());
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  match(status, /^Seccomp:\t2$/m);
  match(status, /^CapEff:\t0+$/m);
  ok(!/^Uid:\t0\t/m.test(status));
  const token = (await demo.plain('token', 'issue', '-f', 'value', '-c', 'id')).trim();
  const ask = async (below: string): Promise<string> =>
    (await fetch(`${cloud.url}/compute/v2.1/servers/${id}${below}`, { headers: { 'x-auth-token': token } })).text();
  process.kill(pid, 'SIGKILL');
  const killed = performance.now();
  while (!(await ask('')).includes('"SHUTOFF"') && performance.now() - killed < 10_000)
    await new Promise(resolve => setTimeout(resolve, 50));
  ok(performance.now() - killed < 2_000, 'it was seen too late');
  match(await ask('/os-instance-actions'), /ended by itself: QEMU was ended by SIGKILL/);
  equal(JSON.parse(await ask('')).server['OS-EXT-STS:power_state'], 6);
});
