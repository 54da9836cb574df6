import { equal, match, notEqual, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '#/platform/clock/clock.ts';
import { dataPaths } from '#/platform/config/data-directory.ts';
import { createLogger } from '#/platform/log/log.ts';
import { ensureDataDirectory } from './data-directory.ts';
import { isAlive, type ProcessName, readJsonFile, readPidFile } from './process-facts.ts';
import { endsFileOf, logOf, pidFileOf, type Role, startSupervisor, stopRoles } from './supervisor.ts';

const directory = mkdtempSync(join(tmpdir(), 'haneul-supervisor-'));
const program = join(directory, 'program');
mkdirSync(join(program, 'src'), { recursive: true });
// A program whose roles only say that they run, with what; and one that cannot start.
writeFileSync(
  join(program, 'src/main.ts'),
  `const role = process.argv[3];
console.log(role, 'runs with', Object.keys(process.env).sort().join());
process.on('SIGTERM', () => { console.log(role, 'ends'); process.exit(0); });
if (process.env.HANEUL_TRIAL === 'broken' && role === 'control') process.exit(3);
setInterval(() => {}, 1e6);
`,
);
const paths = dataPaths(join(directory, 'data'));
ensureDataDirectory(paths, null, 'en');
after(async () => {
  await stopRoles(paths);
  rmSync(directory, { recursive: true, force: true });
});

const options = {
  paths,
  program,
  roles: ['control', 'agent'] as Role[],
  controlUser: null,
  env: { HANEUL_LISTEN_PORT: '1', SECRET: 'x', LANG: 'ko' } as Record<string, string>,
  clock: systemClock(),
  log: createLogger('test', 'silent'),
};

async function running(role: Role, other?: ProcessName): Promise<ProcessName> {
  for (let tries = 0; tries < 200; tries++) {
    const found = readPidFile(pidFileOf(paths, role));
    if (found && found.pid !== other?.pid && readFileSync(logOf(paths, role), 'utf8').includes('runs with'))
      return found;
    await pause(25);
  }
  throw new Error(`${role} does not run`);
}

test('roles are started, started again, taken over, and stopped', async () => {
  const first = await startSupervisor(options);
  const [control, agent] = [await running('control'), await running('agent')];
  match(
    readFileSync(logOf(paths, 'control'), 'utf8'),
    /control runs with HANEUL_LISTEN_PORT,HOME,LANG,MALLOC_ARENA_MAX,MALLOC_MMAP_THRESHOLD_,MALLOC_TRIM_THRESHOLD_,NODE_COMPILE_CACHE,PATH\n/,
  );

  process.kill(control.pid, 'SIGKILL');
  const again = await running('control', control);
  notEqual(again.pid, control.pid);
  equal((readJsonFile(endsFileOf(paths, 'control')) as { why: string }).why, 'SIGKILL');
  ok(isAlive(agent), 'the agent was left alone');

  // A second supervisor, as after a kill -9 of the first: it stops what runs and starts anew.
  await first.stop();
  equal(isAlive(again), false);
  equal(isAlive(agent), false);
  match(readFileSync(logOf(paths, 'agent'), 'utf8'), /agent ends\n$/);
  const second = await startSupervisor(options);
  const next = await running('agent', agent);
  await second.stop();
  equal(isAlive(next), false);
  equal(readPidFile(pidFileOf(paths, 'control')), null);
});

test('a role that cannot start is noted, for up to give up', async () => {
  const supervisor = await startSupervisor({ ...options, env: { HANEUL_TRIAL: 'broken' } });
  for (let tries = 0; tries < 200 && !readJsonFile(endsFileOf(paths, 'control')); tries++) await pause(25);
  const noted = readJsonFile(endsFileOf(paths, 'control')) as { ends: number; why: string };
  equal(noted.why, 'status 3');
  ok(noted.ends >= 1);
  await supervisor.stop();
});
