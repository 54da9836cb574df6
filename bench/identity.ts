// Identity: tokens issued and validated, long lists, and how a million role assignments feel; next to the peer's Keystone in
// the same run, in turns.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Client, logIn, loginBody } from './client.ts';
import { type BenchCloud, command, freshCloud, root } from './cloud.ts';
import { type Hammered, requestBytes } from './hammer.ts';
import { type Measurement, median, milliseconds, perSecond, quantile, type Row } from './measurement.ts';

const peer = join(root, '../shared/peer');
const users = 10_000;
const pageSize = 1_000;
const rounds = 3;
const cores = availableParallelism();
const peersAt = { host: '10.77.0.10', port: 5000 };

interface Ask {
  requests: string[];
  connections: number;
  seconds: number;
  pace?: number;
  warmupSeconds?: number;
}

/** One of the two clouds. */
interface Side {
  client: Pick<Client, 'token' | 'projectId'>;
  /** Before `/v3`. */
  prefix: string;
  ask(ask: Ask): Promise<Hammered>;
}

export const identity: Measurement = {
  name: 'identity',
  about: 'tokens, lists and a million role assignments, next to the peer’s Keystone, in turns',
  needsRoot: true,
  async run(tell) {
    await using cloud = await freshCloud({ simulate: 1 });
    const ours: Side = {
      client: await logIn(cloud.url, cloud.credentials),
      prefix: '/identity',
      ask: ask => asker([process.execPath], { ...addressOf(cloud), ...ask }),
    };
    const { rate } = await validation(ours, 2);
    const half = await ours.ask({ ...asksToValidate(ours, 4), connections: 16, pace: Math.round(rate / 2) });
    tell({
      what: 'validate at half of what it can',
      measured: `p99 ${milliseconds(half.p99Ms)}`,
      against: perSecond(half.rate),
      target: 'p99 < 5 ms',
      met: half.p99Ms < 5,
    });
    await tokens(tell, cloud, ours);
    await makeUsers(cloud);
    const pages = await pagesOf(cloud, ours);
    const missing = !existsSync(join(peer, 'up.sh'));
    if (!missing) {
      await using theirs = await startPeer();
      await compare(tell, ours, theirs, pages);
    }
    await assignments(tell, cloud, ours);
    return missing ? 'there is no ../shared/peer beside this repository; the rest is above.' : undefined;
  },
};

/**
 * Logins at the rate that hashes allow, and what others feel of them. Whoever asks is on the same machine: the hashes are
 * held against those that all cores make, less the part of the cores that asking took.
 */
async function tokens(tell: (row: Row) => void, cloud: BenchCloud, ours: Side): Promise<void> {
  const requests = [loginRequest('/identity', cloud.credentials)];
  const bare: number[] = [];
  const issued: Hammered[] = [];
  const others: Hammered[] = [];
  for (let round = 0; round < rounds; round++) {
    const env = { UV_THREADPOOL_SIZE: String(cores) };
    bare.push(Number(await command(process.execPath, [join(root, 'bench/hash-rate.ts'), '4000'], { env })));
    const [logins, meanwhile] = await Promise.all([
      // Logins are few: it takes some before their code is compiled.
      ours.ask({ requests, connections: 8, seconds: 4, warmupSeconds: 2 }),
      ours.ask({ ...asksToValidate(ours, 4), connections: 2, pace: 50, warmupSeconds: 2 }),
    ]);
    issued.push(logins);
    others.push(meanwhile);
  }
  const asking = median(issued.map((logins, round) => logins.cores + others[round]!.cores));
  const possible = median(bare) * (1 - asking / cores);
  const share = rateOf(issued) / possible;
  tell({
    what: 'issue a token by password, 8 clients',
    measured: perSecond(rateOf(issued)),
    against: `bare hashes ${perSecond(median(bare))}, ${perSecond(possible)} beside the clients`,
    ratio: `${(share * 100).toFixed(0)} %`,
    target: '≥ 90 %',
    met: share >= 0.9 && issued.every(({ failures }) => failures === 0),
  });
  const p99 = median(others.map(({ p99Ms }) => p99Ms));
  tell({
    what: 'other requests meanwhile',
    measured: `p99 ${milliseconds(p99)}`,
    target: 'p99 < 20 ms',
    met: p99 < 20,
  });
}

async function compare(
  tell: (row: Row) => void,
  ours: Side,
  theirs: Side & { credentials: Record<string, string> },
  pages: string[],
): Promise<void> {
  const mine: Hammered[] = [];
  const peers: Hammered[] = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(await validation(ours, 3));
    peers.push(await validation(theirs, 4));
  }
  tell(against('validate a token, 8 clients', rateOf(mine), rateOf(peers), 50));

  const own = (side: Side, path: string): string =>
    requestBytes('GET', path, { 'x-auth-token': side.client.token }).toString();
  const listed: number[] = [];
  const peersListed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const requests = pages.map(page => own(ours, page));
    const paged = await ours.ask({ requests, connections: 2, seconds: 3 });
    listed.push(paged.rate * pageSize);
    // It knows no pages: each answer is the whole list.
    const whole = await theirs.ask({ requests: [own(theirs, '/v3/users')], connections: 2, seconds: 20 });
    if (whole.rate === 0) throw new Error('the peer listed its users not even once');
    peersListed.push(whole.rate * users);
  }
  tell(against(`list ${users.toLocaleString('en')} users, users a second`, median(listed), median(peersListed), 30));
  const login = await theirs.ask({
    requests: [loginRequest('', theirs.credentials)],
    connections: 8,
    seconds: 10,
  });
  tell({ what: 'the peer issues a token by password, 8 clients, at its own hash', measured: perSecond(login.rate) });
}

/** How long a token takes to be issued, as the table of assignments grows. */
async function assignments(tell: (row: Row) => void, cloud: BenchCloud, ours: Side): Promise<void> {
  const identity = { methods: ['token'], token: { id: ours.client.token } };
  const body = JSON.stringify({ auth: { identity, scope: { project: { id: ours.client.projectId } } } });
  const requests = [requestBytes('POST', '/identity/v3/auth/tokens', {}, body).toString()];
  const curve: { count: number; p50: number; p99: number }[] = [];
  for (const count of [1_000, 10_000, 100_000, 1_000_000]) {
    fillAssignments(cloud, ours.client.projectId, count);
    await ours.ask({ requests, connections: 1, seconds: 1 });
    const found = await Promise.all([1, 2].map(() => ours.ask({ requests, connections: 1, seconds: 3 })));
    curve.push({
      count,
      p50: median(found.map(({ p50Ms }) => p50Ms)),
      p99: median(found.map(({ p99Ms }) => p99Ms)),
    });
    const { p50, p99 } = curve.at(-1)!;
    tell({
      what: `issue a token by token, ${count.toLocaleString('en')} role assignments`,
      measured: `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`,
      ...(count === 1_000_000
        ? {
            against: `p50 ${milliseconds(curve[0]!.p50)} with 1,000`,
            ratio: `${(p50 / curve[0]!.p50).toFixed(2)}×`,
            target: '≤ 1.5×',
            met: p50 / curve[0]!.p50 <= 1.5,
          }
        : {}),
    });
  }
}

/** A tenth of them on one project, the others all over; the server goes on meanwhile. */
function fillAssignments(cloud: BenchCloud, projectId: string, count: number): void {
  const db = new DatabaseSync(join(cloud.data, 'control', 'haneul.db'));
  try {
    db.exec('PRAGMA busy_timeout = 20000; PRAGMA synchronous = OFF');
    const { id } = db.prepare("select id from roles where name = 'reader'").get() as { id: string };
    const counted = `select count(*) as have from "roleAssignments" where "actorId" like 'bench-%'`;
    const { have } = db.prepare(counted).get() as { have: number };
    const columns = '"actorType", "actorId", "targetType", "targetId", "roleId", "inherited"';
    const insert = db.prepare(
      `insert into "roleAssignments" (${columns}) values ('user', ?, 'project', ?, '${id}', 0)`,
    );
    for (let from = have; from < count; from += 20_000) {
      db.exec('begin immediate');
      for (let at = from; at < Math.min(count, from + 20_000); at++)
        insert.run(`bench-${at}`, at % 10 === 0 ? projectId : `bench-project-${at % 5_000}`);
      db.exec('commit');
    }
  } finally {
    db.close();
  }
}

async function makeUsers(cloud: BenchCloud): Promise<void> {
  const client = await logIn(cloud.url, cloud.credentials);
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < users) await client.call('POST', '/identity/v3/users', { user: { name: `bench-${next++}` } });
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

/** The addresses of all pages, as a client finds them. */
async function pagesOf(cloud: BenchCloud, { client }: Side): Promise<string[]> {
  const pages: string[] = [];
  let next: string | null = `/identity/v3/users?limit=${pageSize}`;
  while (next !== null) {
    pages.push(next);
    const answer: Response = await fetch(`${cloud.url}${next}`, { headers: { 'x-auth-token': client.token } });
    const { users: rows, links } = (await answer.json()) as { users: unknown[]; links: { next: string | null } };
    if (rows.length < pageSize) pages.pop();
    next = links.next === null ? null : new URL(links.next).pathname + new URL(links.next).search;
  }
  return pages;
}

function validation(side: Side, seconds: number): Promise<Hammered> {
  return side.ask(asksToValidate(side, seconds));
}

function asksToValidate({ client: { token }, prefix }: Side, seconds: number): Ask {
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  return { requests: [requestBytes('GET', `${prefix}/v3/auth/tokens`, headers).toString()], connections: 8, seconds };
}

function loginRequest(prefix: string, credentials: Record<string, string>): string {
  return requestBytes('POST', `${prefix}/v3/auth/tokens`, {}, JSON.stringify(loginBody(credentials))).toString();
}

function against(what: string, ours: number, theirs: number, wanted: number): Row {
  return {
    what,
    measured: perSecond(ours),
    against: perSecond(theirs),
    ratio: `${(ours / theirs).toFixed(0)}×`,
    target: `≥ ${wanted}×`,
    met: ours / theirs >= wanted,
  };
}

function rateOf(results: Hammered[]): number {
  return quantile(
    results.map(({ rate }) => rate),
    0.5,
  );
}

function addressOf(cloud: BenchCloud): { host: string; port: number } {
  const { hostname, port } = new URL(cloud.url);
  return { host: hostname, port: Number(port) };
}

async function asker([program = '', ...words]: string[], ask: Ask & { host: string; port: number }): Promise<Hammered> {
  const said = await command(program, [...words, join(root, 'bench/asker.ts'), JSON.stringify(ask)]);
  return JSON.parse(said) as Hammered;
}

/** The peer's Keystone with as many users as ours. */
async function startPeer(): Promise<Side & { credentials: Record<string, string> } & AsyncDisposable> {
  const client = join(peer, 'client.sh');
  const down = async (): Promise<void> => void (await command(join(peer, 'down.sh'), []));
  const own = mkdtempSync(join(tmpdir(), 'haneul-bench-'));
  try {
    await command(join(peer, 'up.sh'), ['keystone']);
    const fill = join(own, 'users.sql');
    writeFileSync(fill, peersUsers);
    const inside = '. "$1/lib.sh"; in_peer mariadb keystone < "$2"';
    await command('bash', ['-c', inside, 'bash', peer, fill]);
    const said = await command(client, ['env']);
    const credentials = Object.fromEntries(
      said.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const body = JSON.stringify(loginBody(credentials));
    const address = `http://${peersAt.host}:${peersAt.port}/v3/auth/tokens`;
    const words = ['curl', '-si', '-H', 'Content-Type: application/json', '-d', body, address];
    const answer = await command(client, words);
    const token = /^x-subject-token: *(\S+)/im.exec(answer)?.[1] ?? '';
    return {
      client: { token, projectId: '' },
      prefix: '',
      credentials,
      ask: ask => asker([client, process.execPath], { ...peersAt, ...ask }),
      [Symbol.asyncDispose]: down,
    };
  } catch (error) {
    await down();
    throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Straight into the tables: through its API, a password's hash each would take an hour. */
const peersUsers = `
insert ignore into user (id, extra, enabled, domain_id)
  select md5(concat('bench-', seq)), '{}', 1, 'default' from seq_1_to_${users};
insert ignore into local_user (domain_id, user_id, name)
  select 'default', md5(concat('bench-', seq)), concat('bench-', seq) from seq_1_to_${users};
`;
