// Tempest, OpenStack's own suite, against a cloud that is made for the run:
//   ./haneul test conformance LIST… [--real] [-- options of tempest.sh]
// Lists are those of ../shared/conformance (`identity-v3`, `network`, `tiers/smoke`). Simulated hosts by default;
// --real makes guests on this machine and logs in to them.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const suite = join(root, '..', 'shared', 'conformance');
if (!existsSync(suite)) {
  process.stdout.write(`skipped: ${suite} is not there\n`);
  process.exit(0);
}
const args = process.argv.slice(2);
const cut = args.indexOf('--');
const words = cut < 0 ? args : args.slice(0, cut);
const more = cut < 0 ? [] : args.slice(cut + 1);
const real = words.includes('--real');
const lists = words.filter(word => !word.startsWith('--')).flatMap(word => ['--list', word]);

const data = mkdtempSync('/var/tmp/haneul-tempest-');
const environment = { ...process.env, HANEUL_EXTERNAL_NETWORK_CIDR: '172.31.90.0/24' };
const haneul = (...words_: string[]): Promise<number> => run(join(root, 'haneul'), [...words_, '--data', data]);
let status = 1;
try {
  await run(join(suite, 'install.sh'), []);
  const up = ['up', '--detach', '--yes', '--listen', '127.0.0.1:0', ...(real ? [] : ['--simulate', '2'])];
  if ((await haneul(...up)) === 0) {
    const { url } = JSON.parse(readFileSync(join(data, 'run', 'ready.json'), 'utf8'));
    const { username, password, project } = JSON.parse(readFileSync(join(data, 'run', 'credentials.json'), 'utf8'));
    const workers = more.includes('--workers') ? [] : ['--workers', '2'];
    status = await run(join(suite, 'tempest.sh'), [
      `${url}/identity/v3`,
      username,
      password,
      project,
      ...lists,
      '--prepare',
      ...workers,
      ...more,
    ]);
  }
} finally {
  await haneul('destroy', '--yes');
  rmSync(data, { recursive: true, force: true });
}
process.exit(status);

function run(program: string, words_: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words_, { stdio: 'inherit', env: environment });
    child.on('error', reject);
    child.on('close', code => resolve(code ?? 1));
  });
}
