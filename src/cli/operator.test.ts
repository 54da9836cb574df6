// What operators ask of a running cloud by command: a simulated one, in processes of its own.

import { deepEqual, equal, match } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { version } from '#/version.ts';

const data = join(mkdtempSync(join(tmpdir(), 'haneul-operator-')), 'data');

function haneul(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const program = join(import.meta.dirname, '../../haneul');
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  return new Promise(resolve => {
    execFile(program, [...args, '--data', data], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}

/** Creates a volume. @returns the request's id */
async function createVolume(): Promise<string> {
  const { url } = JSON.parse(readFileSync(join(data, 'run/ready.json'), 'utf8'));
  const { username, password, project } = JSON.parse(readFileSync(join(data, 'run/credentials.json'), 'utf8'));
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: username, password, domain } } };
  const headers = { 'content-type': 'application/json' };
  const auth = JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } });
  const login = await fetch(`${url}/identity/v3/auth/tokens`, { method: 'POST', headers, body: auth });
  const { token } = (await login.json()) as { token: { project: { id: string } } };
  const made = await fetch(`${url}/volume/v3/${token.project.id}/volumes`, {
    method: 'POST',
    headers: { ...headers, 'x-auth-token': login.headers.get('x-subject-token')! },
    body: JSON.stringify({ volume: { size: 1 } }),
  });
  equal(made.status, 202);
  return made.headers.get('x-openstack-request-id')!;
}

before(async () => {
  const { status, stderr } = await haneul('up', '--simulate', '2', '--detach', '--listen', '127.0.0.1:0');
  equal(status, 0, stderr);
});

after(async () => {
  await haneul('destroy', '--yes');
  rmSync(join(data, '..'), { recursive: true, force: true });
});

test('operations, their explanation, the audit and the story of a request', async () => {
  match((await haneul('operations')).stdout, /No operation is under way/);
  const requestId = await createVolume();
  let operations: { id: string; phase: string; request_id: string }[] = [];
  for (let tries = 0; tries < 20 && operations[0]?.phase !== 'done'; tries++)
    operations = JSON.parse((await haneul('operations', '--all', '--json')).stdout);
  deepEqual(
    operations.map(({ phase, request_id }) => ({ phase, request_id })),
    [{ phase: 'done', request_id: requestId }],
  );
  const { id } = operations[0]!;
  match((await haneul('operations', 'show', id)).stdout, /volume\.create[\s\S]*Done\.[\s\S]*✓ build \(applied\)/);
  const late = await haneul('operations', 'abandon', id);
  equal(late.status, 1);
  match(late.stderr, /has ended \(done\)/);
  const why = await haneul('why', requestId);
  equal(why.status, 0);
  match(why.stdout, /control +request method=POST .* status=202/);
  match(why.stdout, /control +as planned key=volume\//);
  match(why.stdout, /event +volume\.available/);
  match(why.stdout, /operation +volume\.create: Done\./);
  const audit = await haneul('audit');
  equal(audit.stdout, 'All invariants hold on 2 hosts.\n');
  equal(audit.status, 0);
});

test('a ready role is applied while the cloud runs, and taken back', async () => {
  const list = async () => JSON.parse((await haneul('policy', 'bundle', 'list', '--json')).stdout);
  const explained = async (wanted: boolean) => {
    for (let tries = 0; ; tries++) {
      const said = JSON.parse((await haneul('policy', 'explain', 'admin', 'create_router', '--json')).stdout);
      if (said.overridden === wanted || tries === 40) return said;
      await pause(250);
    }
  };
  equal((await list()).length, 7);
  for (let times = 0; times < 2; times++) {
    const applied = await haneul('policy', 'bundle', 'apply', 'netadmin');
    equal(applied.status, 0, applied.stderr);
    match(applied.stdout, /The role netadmin is ready/);
  }
  equal((await haneul('policy', 'bundle', 'apply', 'monitor')).status, 0);
  const chosen = (await list()).filter((row: { applied: boolean }) => row.applied);
  deepEqual(
    chosen.map((row: { name: string }) => row.name),
    ['monitor', 'netadmin'],
  );
  const { allowed, definition, overridden } = await explained(true);
  deepEqual([allowed, overridden], [true, true]);
  match(definition, /role:netadmin and project_id:%\(project_id\)s/);
  for (const name of ['monitor', 'netadmin']) equal((await haneul('policy', 'bundle', 'remove', name)).status, 0);
  equal((await explained(false)).overridden, false);
});

test('the machines, each with its agent’s version', async () => {
  const machines = JSON.parse((await haneul('hosts', '--json')).stdout);
  deepEqual(
    machines.map((machine: { name: string; version: string }) => [machine.name, machine.version]),
    [
      ['host-1', version],
      ['host-2', version],
    ],
  );
  const { stdout } = await haneul('hosts');
  const [head, first] = stdout.split('\n').map(line => line.split(/ {2,}/));
  deepEqual([head?.at(-1), first?.[0], first?.at(-1)], ['Version', 'host-1', version]);
});

test('what is asked wrongly gets one helpful line', async () => {
  for (const [args, sentence] of [
    [['operations', 'frob'], /There is no "operations frob"/],
    [['operations', 'show'], /Which operation\?/],
    [['operations', 'show', 'nope'], /There is no operation nope/],
    [['operations', '--phase', 'nope'], /none of running/],
    [['policy', 'bundle', 'apply'], /policy bundle list/],
    [['policy', 'bundle', 'apply', 'nope'], /There is no bundle nope/],
    [['why', 'req-nope'], /Nothing is known of req-nope/],
  ] as const) {
    const { status, stderr } = await haneul(...args);
    equal(status, 1, args.join(' '));
    match(stderr, sentence);
    match(stderr, /^haneul: [^\n]*\n$/);
  }
});
