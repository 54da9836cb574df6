import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const directory = mkdtempSync(join(tmpdir(), 'haneul-cli-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const data = join(directory, 'data');
const launcher = join(import.meta.dirname, '../../haneul');

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs ./haneul with an environment of its own. */
function haneul(args: string[], env: Record<string, string> = {}, command = launcher): Promise<Result> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: directory, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: Result = { status: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', status => resolve({ ...result, status }));
  });
}

test('help, in both languages', async () => {
  for (const args of [[], ['--help'], ['-h']]) {
    const { status, stdout, stderr } = await haneul(args);
    equal(status, 0);
    equal(stderr, '');
    for (const command of ['up', 'down', 'status', 'doctor', 'destroy', 'logs', 'test', 'dev'])
      match(stdout, new RegExp(`^ {2}${command} `, 'm'));
    ok(!/^ {2}role\b/m.test(stdout));
  }
  match((await haneul(['--help'], { LANG: 'ko_KR.UTF-8' })).stdout, /사용법:/);
  match((await haneul(['up', '--help'])).stdout, /--simulate <hosts>/);
});

test('what cannot be understood is answered with a sentence and status 1', async () => {
  const cases: [args: string[], sentence: RegExp][] = [
    [['up', '--lsten', '1.2.3.4:5'], /There is no option --lsten\. Did you mean --listen\?/],
    [['upp', '--data', data], /There is no command upp\. Did you mean up\?/],
    [['--frob'], /There is no option --frob\. See \.\/haneul --help\./],
    [['down', 'now'], /more words than it understands/],
    [['up', '--data'], /needs a value/],
    [
      ['up', '--simulate', '3', '--listen', 'nowhere', '--data', data],
      /must be an address and a port such as 0\.0\.0\.0:8700/,
    ],
    [['up', '--simulate', '0', '--data', data], /--simulate must be a whole number from 1 to 10000, not "0"/],
    [['logs', '--lines', 'x', '--data', data], /--lines must be a whole number/],
    [['destroy', '--yes', '--data', data], /No cloud runs on/],
    [['destroy', '--yes', '--data', directory], /is no data directory of Haneul, so nothing was removed/],
  ];
  for (const [args, sentence] of cases) {
    const { status, stderr } = await haneul(args);
    equal(status, 1, args.join(' '));
    match(stderr, sentence);
    match(stderr, /^haneul: [^\n]*\n$/);
  }
  match((await haneul(['--frob'], { LC_ALL: 'ko_KR.UTF-8' })).stderr, /--frob 옵션은 없습니다/);
  ok(existsSync(directory));
});

test('the test runner gets its words as they are', async () => {
  const { status, stdout } = await haneul(['test', '--list']);
  equal(status, 0);
  match(stdout, /^check +types/);
  match(stdout, /^journey .*\n(.*\n)*conformance /m);
  const none = await haneul(['test', 'nonsense', 'journey']);
  equal(none.status, 2);
  match(none.stderr, /There is no suite nonsense; there are: check, /);
});

test('a bad configuration is named, and nothing starts', async () => {
  const bad = join(directory, 'bad');
  mkdirSync(bad);
  writeFileSync(join(bad, 'haneul.yaml'), 'listen_prot: 80\n');
  const { status, stderr } = await haneul(['up', '--simulate', '1', '--detach', '--data', bad]);
  equal(status, 1);
  match(stderr, /There is no option listen_prot .*Did you mean listen_port\?/);
  const doctor = await haneul(['doctor', '--json', '--data', bad]);
  equal(doctor.status, 1);
  match(doctor.stdout, /Did you mean listen_port/);
  match((await haneul(['status', '--data', bad], { HANEUL_LISTEN_PROT: '1' })).stdout, /No cloud runs/);
});

test('a directory with something else in it is left alone', async () => {
  const foreign = join(directory, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'thesis.txt'), 'x');
  const { status, stderr } = await haneul(['up', '--simulate', '1', '--detach', '--data', foreign]);
  equal(status, 1);
  match(stderr, /holds something else already/);
});

test('doctor looks at everything and says what to do', async () => {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { stdout, status } = await haneul(['doctor', '--json', '--data', data], {
    HANEUL_LISTEN_PORT: String(port),
    HANEUL_SIMULATE_HOSTS: '1',
  });
  server.close();
  equal(status, 1);
  const { good, findings } = JSON.parse(stdout) as {
    good: boolean;
    findings: { check: string; verdict: string; text: string }[];
  };
  equal(good, false);
  deepEqual(
    findings.map(f => f.check),
    ['root', 'config', 'memory', 'disk', 'port', 'clock', 'cloud'],
  );
  match(
    findings.find(f => f.check === 'port')!.text,
    new RegExp(`127.0.0.1:${port} is in use .*--listen 127.0.0.1:${port + 1}`),
  );
  ok(!existsSync(data), 'doctor changes nothing');
  match((await haneul(['doctor', '--data', data], { LANG: 'ko' })).stdout, /클라우드/);
});

test('an install that fails takes nothing away, neither here nor behind a link', async () => {
  const copy = join(directory, 'copy');
  const elsewhere = join(directory, 'elsewhere');
  const tools = join(directory, 'tools');
  for (const path of [copy, elsewhere, tools]) mkdirSync(path);
  const root = join(import.meta.dirname, '../..');
  for (const name of ['haneul', 'package.json', 'package-lock.json']) copyFileSync(join(root, name), join(copy, name));
  writeFileSync(join(elsewhere, 'precious'), '');
  symlinkSync(elsewhere, join(copy, 'node_modules'));
  // An npm that empties node_modules where it is called, as the real one does, and then fails.
  writeFileSync(join(tools, 'npm'), '#!/bin/sh\nrm -rf node_modules/*\necho "no network" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const { status, stderr } = await haneul(
    ['--version'],
    { PATH: `${tools}:${process.env.PATH}` },
    join(copy, 'haneul'),
  );
  equal(status, 1);
  match(stderr, /no network\nhaneul: npm ci failed; the reason is above\. Check the network/);
  deepEqual(readdirSync(elsewhere), ['precious']);
  deepEqual(readdirSync(join(copy, '.cache')), []);
});
