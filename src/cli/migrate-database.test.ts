// A cloud with things in it moves from its file to PostgreSQL, and is the same there.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { openPostgres } from '#/platform/database/postgres/postgres.ts';
import { sql } from 'kysely';
import { hasPostgres, postgresServer } from '../../test/postgres/server.ts';

const skip = hasPostgres() ? false : 'PostgreSQL is not installed';

test('a cloud moves to PostgreSQL and goes on there', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-migrate-'));
  const data = join(directory, 'data');
  const haneul = (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise(resolve => {
      const env = { ...process.env, LC_ALL: 'C.UTF-8' };
      const program = join(import.meta.dirname, '../../haneul');
      execFile(program, [...args, '--data', data], { env, timeout: 120_000 }, (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
      );
    });
  const good = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await haneul(...args);
    equal(status, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  const client = async () => {
    const { url } = JSON.parse(readFileSync(join(data, 'run/ready.json'), 'utf8'));
    const { password } = JSON.parse(readFileSync(join(data, 'run/credentials.json'), 'utf8'));
    const domain = { id: 'default' };
    const identity = { methods: ['password'], password: { user: { name: 'admin', password, domain } } };
    const headers = { 'content-type': 'application/json' };
    const auth = JSON.stringify({ auth: { identity, scope: { project: { name: 'admin', domain } } } });
    const login = await fetch(`${url}/identity/v3/auth/tokens`, { method: 'POST', headers, body: auth });
    const { token } = (await login.json()) as { token: { project: { id: string } } };
    const own = { ...headers, 'x-auth-token': login.headers.get('x-subject-token')! };
    return async (method: string, path: string, body?: unknown) => {
      const target = `${url}${path.replace('{project}', token.project.id)}`;
      const answer = await fetch(target, {
        method,
        headers: own,
        body: body === undefined ? null : JSON.stringify(body),
      });
      ok(answer.status < 300, `${method} ${path}: ${answer.status}`);
      return answer.json();
    };
  };
  const server = await postgresServer();
  const volumesOf = async (): Promise<string[]> =>
    (await (await client())('GET', '/volume/v3/{project}/volumes')).volumes
      .map(({ name }: { name: string }) => name)
      .sort();
  try {
    await good('up', '--simulate', '2', '--detach', '--listen', '127.0.0.1:0');
    const ask = await client();
    const names = ['하나', 'two', 'it\'s "3"'];
    for (const name of names) await ask('POST', '/volume/v3/{project}/volumes', { volume: { size: 1, name } });
    for (let n = 0; n < 40; n++) await ask('POST', '/network/v2.0/networks', { network: { name: `n${n}` } });
    const running = await haneul('migrate-database', '--to', server.url());
    equal(running.status, 1);
    match(running.stderr, /runs on .* already/);
    await good('down');
    equal((await haneul('migrate-database', '--to', 'mysql://x/y')).status, 1);

    match(await good('migrate-database', '--to', server.url()), /rows of \d+ tables copied and compared/);
    match(readFileSync(join(data, 'haneul.yaml'), 'utf8'), /\ndatabase_url: postgres:/);
    match(await good('migrate-database', '--to', server.url()), /were there already/);
    await good('up', '--simulate', '2', '--detach', '--listen', '127.0.0.1:0');
    deepEqual(await volumesOf(), [...names].sort());
    await (await client())('POST', '/volume/v3/{project}/volumes', { volume: { size: 1, name: 'after' } });
    equal((await volumesOf()).length, 4);
    await good('down');

    // What is there now is no longer what the file holds.
    const late = await haneul('migrate-database', '--to', server.url());
    equal(late.status, 1);
    match(late.stderr, /rows here and \d+ there/);
    const db = await openPostgres({ url: server.url(), clock: systemClock(), random: systemRandom() });
    const { rows } = await db.read(tx => sql<{ last: number }>`select max(seq) as "last" from events`.execute(tx));
    ok(rows[0]!.last > 3);
    await db.close();
  } finally {
    await haneul('destroy', '--yes');
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
});
