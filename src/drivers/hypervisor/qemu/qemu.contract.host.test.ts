// The contract of hypervisor drivers, kept by real QEMU processes. Needs root. The image is a boot sector that halts.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HypervisorFixture, hypervisorContract } from '#/drivers/hypervisor/contract.ts';
import type { BaseImage, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';
import { probeSector } from './accelerator.ts';
import { findProcesses, killHard, qemuBinary } from './process.ts';
import { qemuHypervisor } from './qemu-hypervisor.ts';

const user = { uid: 65534, gid: 65534 };
const log = createLogger('test', 'silent');
const tools = { run: systemRun(log), clock: systemClock(), random: systemRandom(), log };

async function open(): Promise<HypervisorFixture> {
  const place = await mkdtemp(join(tmpdir(), 'hqc-'));
  await chmod(place, 0o711);
  const directory = join(place, 'h');
  const path = join(place, 'image');
  const bytes = Buffer.concat([probeSector(), Buffer.alloc(1 << 20)]);
  await writeFile(path, bytes);
  const image: BaseImage = {
    key: 'image/99999999-2222-4333-8444-555555555555',
    format: 'raw',
    sha512: createHash('sha512').update(bytes).digest('hex'),
    sizeBytes: bytes.length,
    source: { kind: 'file', path },
  };
  let driver: HypervisorDriver | undefined;
  const end = async (serverId: string): Promise<void> => {
    const pid = (await findProcesses(user, directory)).get(serverId);
    if (pid !== undefined) await killHard(pid, directory, tools.clock);
  };
  return {
    image,
    start() {
      void driver?.close();
      driver = qemuHypervisor({ directory, user, tools, accelerator: 'tcg', shutdownTimeoutMs: 500 });
      return driver;
    },
    kill: end,
    async [Symbol.asyncDispose]() {
      await driver?.close();
      for (const serverId of (await findProcesses(user, directory)).keys()) await end(serverId);
      await rm(place, { recursive: true, force: true });
    },
  };
}

if (process.getuid?.() === 0 && spawnSync(qemuBinary, ['--version']).status === 0) hypervisorContract('qemu', open);
else void test('the contract, by QEMU', { skip: 'needs root and QEMU' }, () => {});
