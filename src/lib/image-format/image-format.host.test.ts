import { deepEqual, equal } from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { headBytes, ImageInspector, type ImageProblem, inspectImage } from '#/lib/image-format/image-format.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';

const mib = 1 << 20;

test('images made by QEMU are known by their bytes, in chunks of any size', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'haneul-image-format-'));
  const run = systemRun(createLogger('test', 'silent'));
  const kinds: [string, string, string[], string, ImageProblem[]][] = [
    ['qcow2', 'qcow2', [], 'qcow2', []],
    ['qcow2 v2', 'qcow2', ['-o', 'compat=0.10'], 'qcow2', []],
    ['qcow2 extended', 'qcow2', ['-o', 'extended_l2=on,compression_type=zstd'], 'qcow2', []],
    ['qcow2 data file', 'qcow2', ['-o', `data_file=${join(folder, 'data')}`], 'qcow2', ['dataFile']],
    ['vmdk', 'vmdk', [], 'vmdk', []],
    ['vmdk stream', 'vmdk', ['-o', 'subformat=streamOptimized'], 'vmdk', []],
    ['vmdk flat', 'vmdk', ['-o', 'subformat=monolithicFlat'], 'vmdk', ['externalExtent']],
    ['vdi', 'vdi', [], 'vdi', []],
    ['vhd dynamic', 'vpc', ['-o', 'force_size=on'], 'vhd', []],
    ['vhd fixed', 'vpc', ['-o', 'force_size=on,subformat=fixed'], 'vhd', []],
    ['vhdx', 'vhdx', [], 'vhdx', ['unsupportedFormat']],
    ['qed', 'qed', [], 'qed', ['unsupportedFormat']],
    ['qcow', 'qcow', [], 'qcow', ['unsupportedVersion', 'unsupportedFormat']],
  ];
  try {
    for (const [index, [name, format, options, known, problems]] of kinds.entries()) {
      const path = join(folder, `${index}.img`);
      await run(['qemu-img', 'create', '-q', '-f', format, ...options, path, '4M']);
      const bytes = await readFile(path);
      const inspector = new ImageInspector();
      for (let at = 0; at < bytes.length; at += 777) inspector.feed(bytes.subarray(at, at + 777));
      const facts = inspector.facts();
      deepEqual([facts.format, facts.problems], [known, problems], name);
      if (problems.length === 0) equal(facts.virtualSizeBytes, 4 * mib, name);
      deepEqual(inspectImage(bytes.subarray(0, headBytes), bytes.length, bytes.subarray(-512)), facts);
    }
    const [base, overlay] = [join(folder, '0.img'), join(folder, 'overlay')];
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, overlay]);
    deepEqual(inspectImage(await readFile(overlay), mib).problems, ['backingFile']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
