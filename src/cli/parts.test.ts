import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';
import { nearest } from '#/lib/nearest.ts';
import { cloudsYaml, openrc } from './credentials-files.ts';
import { checkMemory } from './doctor.ts';
import {
  claimPidFile,
  isAlive,
  nameProcess,
  pssKibOf,
  readJsonFile,
  readPidFile,
  stopProcess,
} from './process-facts.ts';
import { openLog, closeLog, rotateLog } from './rotating-log.ts';
import { columns } from './up.ts';

const directory = mkdtempSync(join(tmpdir(), 'haneul-parts-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('clouds.yaml and openrc carry any password through unchanged', async () => {
  for (const password of ["it's", '$HOME `id` \\ "x" #!', ': - {a}', '0123', '비밀 번호']) {
    const credentials = { username: 'admin', password, project: 'admin', domain: 'Default' };
    const read = parse(cloudsYaml(credentials, 'http://127.0.0.1:8700', 'RegionOne')) as {
      clouds: { haneul: { auth: { password: string; auth_url: string } } };
    };
    equal(read.clouds.haneul.auth.password, password);
    equal(read.clouds.haneul.auth.auth_url, 'http://127.0.0.1:8700/identity/v3');
    const file = join(directory, 'openrc');
    writeFileSync(file, openrc(credentials, 'http://127.0.0.1:8700', 'RegionOne'));
    // Read as people read it: by a shell.
    const { stdout } = await systemRun(createLogger('test', 'silent'))([
      'sh',
      '-c',
      '. "$1"; printf %s "$OS_PASSWORD"',
      'sh',
      file,
    ]);
    equal(stdout, password);
  }
});

test('a pid file names a process and no later one with its number', async () => {
  const path = join(directory, 'x.pid');
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const name = nameProcess(child.pid!)!;
  equal(claimPidFile(path, child.pid), null);
  deepEqual(readPidFile(path), name);
  deepEqual(claimPidFile(path), name, 'another owner is named');
  equal(isAlive({ ...name, startTime: '1' }), false);
  equal(isAlive({ ...name, boot: 'another' }), false);
  ok(pssKibOf(process.pid)! > 1000);
  equal(await stopProcess(name, 5000), true);
  equal(readPidFile(path), null);
  equal(claimPidFile(path), null, 'a dead owner is replaced');
  equal(readPidFile(path)!.pid, process.pid);
  for (const content of ['', '{}', '{"pid":-1}', '{"pid":1,"startTime":"1","boot":"x"}', 'x'.repeat(100)]) {
    writeFileSync(path, content);
    equal(readPidFile(path), null);
  }
});

test('a process that ignores the request to end is ended', async () => {
  const child = spawn(
    process.execPath,
    ['-e', 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1e6)'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await once(child.stdout, 'data');
  equal(await stopProcess(nameProcess(child.pid!)!, 100), false);
});

test('files of less privileged processes are read with care', () => {
  const secret = join(directory, 'secret.json');
  writeFileSync(secret, '{"a":1}');
  symlinkSync(secret, join(directory, 'link.json'));
  equal(readJsonFile(join(directory, 'link.json')), null);
  deepEqual(readJsonFile(secret), { a: 1 });
  equal(readJsonFile(directory), null);
});

test('a full log is put aside, and who writes to it goes on', () => {
  const path = join(directory, 'control.log');
  const file = openLog(path);
  const limits = { bytes: 10, kept: 2 };
  for (let round = 0; round < 4; round++) {
    writeFileSync(file, `line ${round} is long\n`);
    equal(rotateLog(path, limits), true);
    equal(rotateLog(path, limits), false);
  }
  writeFileSync(file, 'short\n');
  closeLog(file);
  equal(readFileSync(path, 'utf8'), 'short\n');
  equal(readFileSync(`${path}.1`, 'utf8'), 'line 3 is long\n');
  equal(readFileSync(`${path}.2`, 'utf8'), 'line 2 is long\n');
  equal(existsSync(`${path}.3`), false);
  equal(statSync(path).mode & 0o007, 0);
});

test('little memory is a warning', () => {
  equal(checkMemory('MemTotal: 2048000 kB\nMemAvailable: 512000 kB\n').verdict, 'warning');
  deepEqual(checkMemory('MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n').facts, { available: 4096, total: 8192 });
});

test('words', () => {
  equal(columns('상태 a'), 6);
  equal(nearest('staus', ['status', 'up']), 'status');
  equal(nearest('completely', ['status', 'up']), null);
  equal(nearest('pu', ['up']), 'up');
});
