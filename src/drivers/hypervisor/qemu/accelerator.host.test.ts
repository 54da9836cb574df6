// The probe guest, run by a real QEMU as nobody. Needs root.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';
import { chooseAccelerator, probe, probeKernel } from './accelerator.ts';
import { qemuBinary } from './process.ts';

const skip =
  process.getuid?.() !== 0 || spawnSync(qemuBinary, ['--version']).status !== 0 ? 'needs root and QEMU' : false;
const log = createLogger('test', 'silent');
const clock = systemClock();
const tools = { run: systemRun(log), clock, random: systemRandom(), log };
const user = { uid: 65534, gid: 65534 };

test('the probe guest runs under TCG, and the choice is made in seconds', { skip, timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'probe-'));
  try {
    await chmod(directory, 0o711);
    equal(await probe('tcg', user, [], directory, tools), undefined);
    const started = clock.monotonic();
    const kernels = [join(dirname(process.env['HANEUL_TEST_IMAGE'] ?? '.'), 'haneul-tiny-vmlinuz')];
    const chosen = await chooseAccelerator('auto', user, directory, tools, kernels);
    ok(clock.monotonic() - started < 25_000);
    equal(chosen.kind === 'tcg', chosen.kvmProblem !== undefined);
    const again = clock.monotonic();
    deepEqual(await chooseAccelerator('auto', user, directory, tools, kernels), chosen);
    ok(clock.monotonic() - again < 1_000, 'it is known until the next boot');
    equal((await chooseAccelerator('tcg', user, directory, tools, [])).kind, 'tcg');
    if (existsSync(kernels[0]!)) equal(await probeKernel('tcg', user, [], directory, tools, kernels[0]!), undefined);
    deepEqual(
      (await readdir(directory)).filter(name => name !== 'accelerator.json'),
      [],
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
