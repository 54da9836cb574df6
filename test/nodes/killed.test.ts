// Two control planes under a write load, each killed in turn, and then the hosts, the bus and the database: what was
// acknowledged is there, only those who were connected to a killed control plane notice, and what it had begun goes on at the
// other. HANEUL_TEST_ROUNDS: how often each control plane is killed; 20 take about ten minutes.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Ask, askAs, type WriteLoad, writeLoad } from '../upgrade/write-load.ts';
import { noProcesses, startProcesses, until } from './processes.ts';

const rounds = Number(process.env['HANEUL_TEST_ROUNDS'] ?? 1);

test('every process is killed in turn', { skip: noProcesses(), timeout: 1_800_000 }, async t => {
  await using cluster = await startProcesses({ nodes: 2, hosts: 3 });
  const { nodes, data } = cluster;
  for (const node of nodes) await node.start();
  cluster.startHosts();
  const asks = await Promise.all(nodes.map(node => askAs(data, node.url, false)));
  const imageId = await smallImage(asks[0]!);
  await until(async () => {
    const { body } = await asks[0]!('GET', '/haneul/status');
    equal(body.hosts.filter((host: { state: string }) => host.state === 'up').length, 3);
  });
  const loads: WriteLoad[] = [];
  for (const node of nodes) loads.push(await writeLoad(data, node.url));
  const others = [
    async () => {
      await cluster.killHosts();
      cluster.startHosts();
    },
    async () => {
      await cluster.nats.stop();
      await pause(1_000);
      await cluster.nats.start();
    },
    async () => {
      await cluster.postgres.stop('immediate');
      await cluster.postgres.start();
    },
  ];
  const servers: string[] = [];
  const takenOverMs: number[] = [];
  const ends: Awaited<ReturnType<WriteLoad['stop']>>[] = [];
  for (let round = 0; round < rounds * 2; round++) {
    const [victim, other] = [round % 2, 1 - (round % 2)];
    await pause(500 + 137 * round);
    // Begun at the one that is killed while they are under way.
    const begun = await Promise.all(Array.from({ length: 4 }, () => createServer(asks[victim]!, imageId)));
    await nodes[victim]!.kill();
    const killed = performance.now();
    await until(async () => {
      for (const id of begun) equal(await statusOf(asks[other]!, id), 'ACTIVE');
    });
    takenOverMs.push(performance.now() - killed);
    servers.push(...begun);
    const end = await loads[victim]!.stop();
    ends.push(end);
    // Whoever was being answered, and whoever came while nobody listened.
    deepEqual(
      end.failures.filter(failure => !/ECONNRESET|ECONNREFUSED|socket hang up|aborted|EPIPE/.test(failure)),
      [],
    );
    await nodes[victim]!.start();
    loads[victim] = await writeLoad(data, nodes[victim]!.url);
    if (victim === 0) continue;
    for (const restart of others) {
      const meanwhile = createServer(asks[round % 4 === 1 ? 0 : 1]!, imageId);
      await restart();
      const id = await meanwhile;
      await until(async () => equal(await statusOf(asks[0]!, id), 'ACTIVE'));
      servers.push(id);
    }
  }
  const last = await Promise.all(loads.map(load => load.stop()));
  deepEqual(
    last.map(({ failures }) => failures),
    [[], []],
  );
  const all = [...ends, ...last];
  const { networks } = (await asks[1]!('GET', '/network/v2.0/networks')).body as { networks: { id: string }[] };
  const there = new Set(networks.map(network => network.id));
  const kept = all.flatMap(end => end.kept);
  ok(kept.length > 10);
  deepEqual(
    kept.filter(id => !there.has(id)),
    [],
    'what was acknowledged is there',
  );
  for (const id of servers) await until(async () => equal(await statusOf(asks[0]!, id), 'ACTIVE'));
  await until(async () => deepEqual(await underWay(asks[0]!), []));
  const longest = Math.max(...takenOverMs);
  const writes = all.reduce((sum, end) => sum + end.writes, 0);
  t.diagnostic(
    `${rounds * 2} kills of control planes, ${rounds} each of hosts, bus and database; ${servers.length} servers; ` +
      `${writes} writes, ${kept.length} kept, taken over within ${Math.round(longest)} ms`,
  );
  ok(longest < 10_000, `taken over after ${longest} ms`);
});

async function underWay(ask: Ask): Promise<string[]> {
  const { body } = await ask('GET', '/haneul/operations?phase=running');
  return body.operations.map(({ id, kind }: { id: string; kind: string }) => `${kind} ${id}`);
}

async function smallImage(ask: Ask): Promise<string> {
  const about = { name: 'nothing', disk_format: 'raw', container_format: 'bare' };
  const { id } = (await ask('POST', '/image/v2/images', about)).body;
  equal((await ask('PUT', `/image/v2/images/${id}/file`, Buffer.alloc(512))).status, 204);
  return id;
}

async function createServer(ask: Ask, imageRef: string): Promise<string> {
  const { body, status } = await ask('POST', '/compute/v2.1/servers', {
    server: { name: 'on-the-way', imageRef, flavorRef: '1', networks: 'none' },
  });
  equal(status, 202, JSON.stringify(body));
  return body.server.id;
}

async function statusOf(ask: Ask, id: string): Promise<string> {
  return (await ask('GET', `/compute/v2.1/servers/${id}`)).body.server.status;
}
