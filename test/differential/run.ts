// Starts the peer's Identity with the policy of the table, so that both decide by the same rules, and compares from inside
// its network: ./haneul test differential

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

const shared = join(import.meta.dirname, '../../../shared');
const peer = join(shared, 'peer');
const rootOfPeer = join(process.env['PEER_ROOT'] ?? join(tmpdir(), 'peer'), 'root');
const policyFile = join(rootOfPeer, 'etc/keystone/policy.d/99-differential.yaml');

const reason = !existsSync(peer)
  ? 'there is no ../shared/peer beside this repository'
  : process.getuid!() !== 0
    ? 'the peer needs root'
    : !existsSync(join(rootOfPeer, 'etc/keystone'))
      ? `the peer is not installed: ${join(peer, 'install.sh')}`
      : null;
if (reason) {
  process.stdout.write(`skipped: ${reason}\n`);
  process.exit(0);
}

let stop = (): void => {};
// The peer is taken down whatever happens.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop());
let status = 1;
try {
  writeFileSync(policyFile, stringify(rules()));
  status = await run(join(peer, 'up.sh'), ['keystone']);
  const test = ['--test', '--test-reporter=spec', join(import.meta.dirname, 'identity.peer.ts')];
  if (status === 0) status = await run(join(peer, 'client.sh'), [process.execPath, ...test]);
} finally {
  rmSync(policyFile, { force: true });
  await run(join(peer, 'down.sh'), []);
}
process.exit(status);

/** Rule → its text in the table. */
function rules(): Record<string, string> {
  const [head = '', ...lines] = readFileSync(join(shared, 'api-ops/keystone-policy.tsv'), 'utf8').trimEnd().split('\n');
  const column = head.split('\t').indexOf('default');
  return Object.fromEntries(lines.map(line => line.split('\t')).map(cells => [cells[0]!, cells[column] ?? '']));
}

function run(program: string, args: string[]): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    stop = () => void child.kill();
    child.on('error', () => resolve(1));
    child.on('close', code => resolve(code ?? 1));
  });
}
