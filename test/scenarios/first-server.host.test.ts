// The README's first server, line by line as it stands there.

import { equal, match } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realCloud, run } from './haneul.ts';

const lines = (file: string): string[] => {
  const readme = readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8');
  const block = /^```sh\n(\. \/var\/lib\/haneul\/openrc.*?)^```$/ms.exec(readme)?.[1] ?? '';
  return block.trimEnd().split('\n');
};

test('a first server in five lines', { timeout: 900_000 }, async () => {
  const five = lines('README.md');
  equal(five.length, 5);
  equal(lines('README.ko.md').join('\n'), five.join('\n'));
  await using cloud = await realCloud('readme', '172.31.53.0/24');
  const directory = mkdtempSync(join(tmpdir(), 'haneul-readme-'));
  try {
    // A person answers ssh's question about the host's key, waits for the guest to boot, and types a command.
    const person =
      'ssh() { command ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes ' +
      '-o ConnectTimeout=5 -o ConnectionAttempts=30 "$@" hostname; }';
    const script = ['set -e', person, `cd ${directory}`, ...five].join('\n').replace('/var/lib/haneul', cloud.data);
    match((await run(['bash', '-c', script], { timeoutMs: 600_000 })).stdout, /^first$/m);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
