// Scale: clouds of 100, 1,000 and 10,000 simulated hosts with ten servers each. How long one takes to be there again, what
// it keeps in memory, and how long a scheduling decision takes: the curve must rise more slowly than the number of hosts.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, logIn } from './client.ts';
import { type BenchCloud, freshCloud } from './cloud.ts';
import { type Measurement, megabytes, milliseconds, quantile, seconds } from './measurement.ts';
import { pss } from './memory.ts';

const serversPerHost = 10;
/** Quotas are counted for each project: theirs are of an ordinary size. */
const serversPerProject = 100;
const decisions = 200;

/** `HANEUL_BENCH_HOSTS=100,1000` measures other sizes. */
const sizes = (process.env['HANEUL_BENCH_HOSTS'] ?? '100,1000,10000').split(',').map(Number);

export const scale: Measurement = {
  name: 'scale',
  about: `${sizes.map(size => size.toLocaleString('en')).join(', ')} simulated hosts with ${serversPerHost} servers each`,
  async run(tell) {
    const curve: { hosts: number; p50: number }[] = [];
    for (const hosts of sizes) {
      await using cloud = await freshCloud({ simulate: 1 });
      const file = join(cloud.data, 'control', 'haneul.db');
      const client = await logIn(cloud.url, cloud.credentials);
      const ask = await smallServer(client);
      const template = await create(client, ask, 'template');
      await until(file, `select count(*) from "computeServers" where "vmState" = 'active'`, 1);
      await cloud.down();
      const servers = hosts * serversPerHost;
      fill(file, template, hosts, servers);

      const started = performance.now();
      const upMs = await cloud.up(hosts);
      await until(
        file,
        `select count(*) from "hostEntries" where "key" like 'server/%' and "state" = 'applied'`,
        servers,
      );
      const wholeMs = performance.now() - started;
      const bytes = pss(cloud.processes()['control']!);
      const { p50, p99 } = await decide(cloud, ask);
      await until(file, `select count(*) from "computeServers" where "vmState" = 'active'`, servers + decisions);
      curve.push({ hosts, p50 });
      tell({
        what:
          `${hosts.toLocaleString('en')} hosts, ${servers.toLocaleString('en')} servers: ready after ${seconds(upMs)}, ` +
          `every host as planned and told of after ${seconds(wholeMs)}, ${megabytes(bytes)} with the hosts in it`,
        measured: `a server is placed in ${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
      });
    }
    const [least, most] = [curve[0]!, curve.at(-1)!];
    const grown = most.p50 / least.p50;
    const larger = most.hosts / least.hosts;
    if (larger > 1)
      tell({
        what: 'growth of the decision from the smallest to the largest cloud',
        measured: `${grown.toFixed(1)}×`,
        against: `${larger.toFixed(0)}× the hosts`,
        target: 'less than the hosts grow',
        met: grown < larger,
      });
    return undefined;
  },
};

async function smallServer(client: Client): Promise<object> {
  const { images } = await client.call<{ images: { id: string }[] }>('GET', '/image/v2/images');
  const { flavors } = await client.call<{ flavors: { id: string; ram: number }[] }>(
    'GET',
    '/compute/v2.1/flavors/detail',
  );
  const flavor = flavors.toSorted((a, b) => a.ram - b.ram)[0]!;
  const quota = { instances: -1, cores: -1, ram: -1 };
  await client.call('PUT', `/compute/v2.1/os-quota-sets/${client.projectId}`, { quota_set: quota });
  return { flavorRef: flavor.id, imageRef: images[0]!.id, networks: 'none' };
}

async function create(client: Client, ask: object, name: string): Promise<string> {
  const body = { server: { ...ask, name } };
  return (await client.call<{ server: { id: string } }>('POST', '/compute/v2.1/servers', body)).server.id;
}

/** The time of a request for a new server, one after another: its checks, the choice of a host, and all that is written. */
async function decide(cloud: BenchCloud, ask: object): Promise<{ p50: number; p99: number }> {
  const client = await logIn(cloud.url, cloud.credentials);
  const times: number[] = [];
  for (let at = 0; at < decisions; at++) {
    const before = performance.now();
    await create(client, ask, `decided-${at}`);
    times.push(performance.now() - before);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** Copies of a host and of its one server, into the database of a cloud that is down. */
function fill(file: string, template: string, count: number, servers: number): void {
  const db = new DatabaseSync(file);
  fillHosts(db, count);
  const hosts = db.prepare('select "name", "providerId" from "hosts" order by "name"').all() as {
    name: string;
    providerId: string;
  }[];
  const parts = [
    copier(db, 'computeServers', 'id', template),
    copier(db, 'computeBlockDevices', 'serverId', template),
    copier(db, 'consumers', 'id', template),
    copier(db, 'allocations', 'consumerId', template),
    copier(db, 'imageUses', 'userKey', `server/${template}`),
  ];
  const before = db.prepare('select "host" from "computeServers" where "id" = ?').get(template) as { host: string };
  db.exec('BEGIN');
  for (let at = 0; at < servers; at++) {
    const { name: host, providerId } = hosts[at % hosts.length]!;
    // The template itself is one of its host's.
    if (at < hosts.length && host === before.host) continue;
    const projectId = `project-${Math.floor(at / serversPerProject)}`;
    const id = randomUUID();
    for (const copy of parts) copy(id, { host, providerId, projectId, name: `server-${at}` });
  }
  db.exec('COMMIT');
  db.close();
}

function fillHosts(db: DatabaseSync, count: number): void {
  const [{ name, providerId }] = db.prepare('select "name", "providerId" from "hosts"').all() as [
    { name: string; providerId: string },
  ];
  const host = copier(db, 'hosts', 'name', name);
  const provider = copier(db, 'resourceProviders', 'id', providerId);
  const inventory = copier(db, 'inventories', 'providerId', providerId);
  db.exec('BEGIN');
  for (let at = 2; at <= count; at++) {
    const id = randomUUID();
    // As `--simulate` names them.
    host(`host-${at}`, { providerId: id });
    provider(id, { name: `host-${at}`, rootId: id });
    inventory(id, {});
  }
  db.exec('COMMIT');
}

/** Copies a template's rows of a table under another id, with the values given where there are such columns. */
function copier(
  db: DatabaseSync,
  table: string,
  owner: string,
  template: string,
): (id: string, change: Record<string, string>) => void {
  const rows = db.prepare(`select * from "${table}" where "${owner}" = ?`).all(template) as Record<
    string,
    SQLInputValue
  >[];
  const columns = Object.keys(rows[0] ?? {}).filter(column => column !== 'seq');
  const list = columns.map(column => `"${column}"`).join(', ');
  const insert = db.prepare(`insert into "${table}" (${list}) values (${columns.map(() => '?').join(', ')})`);
  return (id, change) => {
    for (const row of rows) {
      const values: Record<string, SQLInputValue> = {
        ...row,
        ...change,
        ...('id' in row && owner !== 'id' ? { id: randomUUID() } : {}),
      };
      values[owner] = template.replace(/[^/]*$/, id);
      insert.run(...columns.map(column => values[column] ?? null));
    }
  };
}

/** Waits until a query of the running cloud's database counts so many. @throws Error when nothing moves for minutes */
async function until(file: string, count: string, wanted: number): Promise<void> {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  try {
    let last = -1;
    let moved = performance.now();
    for (;;) {
      const found = Number(Object.values(db.prepare(count).get()!)[0]);
      if (found >= wanted) return;
      if (found !== last) moved = performance.now();
      if (performance.now() - moved > 180_000) throw new Error(`${count}: ${found} of ${wanted}`);
      last = found;
      await pause(250);
    }
  } finally {
    db.close();
  }
}
