import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '#/platform/problem/problem.ts';
import { disksOf } from '#/services/compute/servers/block-device.rules.ts';

const image = 'a0000000-0000-4000-8000-000000000001';
const volume = 'b0000000-0000-4000-8000-000000000002';
const plain = { ephemeralGib: 0, swapMib: 0 };

function brief(...asked: Parameters<typeof disksOf>) {
  return disksOf(...asked).map(
    disk => `${disk.device} ${disk.source}→${disk.destination}${disk.bootIndex === 0 ? ' boot' : ''}`,
  );
}

test('an image alone is the root disk; the flavor adds its own', () => {
  deepEqual(brief(image, {}, plain), ['/dev/vda image→local boot']);
  deepEqual(brief(image, {}, { ephemeralGib: 5, swapMib: 64 }), [
    '/dev/vda image→local boot',
    '/dev/vdb blank→local',
    '/dev/vdc blank→local',
  ]);
});

test('volumes beside an image', () => {
  const v2 = [
    { source_type: 'volume' as const, uuid: volume, destination_type: 'volume' as const, device_name: '/dev/sdd' },
  ];
  deepEqual(brief(image, { v2 }, plain), ['/dev/vda image→local boot', '/dev/vdd volume→volume']);
});

test('booting from volumes, in both forms', () => {
  const made = {
    source_type: 'image' as const,
    uuid: image,
    destination_type: 'volume' as const,
    boot_index: 0,
    volume_size: 3,
  };
  deepEqual(brief(null, { v2: [made] }, plain), ['/dev/vda image→volume boot']);
  deepEqual(brief(null, { old: [{ volume_id: volume, device_name: 'vda' }] }, plain), ['/dev/vda volume→volume boot']);
  equal(disksOf(null, { v2: [made] }, plain)[0]!.sizeGib, 3);
});

test('contradictions are refused', () => {
  const boot = { source_type: 'volume' as const, uuid: volume, boot_index: 0 };
  const table: [string | null, Parameters<typeof disksOf>[1]][] = [
    [null, {}],
    [image, { v2: [boot] }],
    [null, { v2: [boot, { ...boot }] }],
    [null, { v2: [{ ...boot, boot_index: 1 }] }],
    [null, { v2: [{ source_type: 'volume', boot_index: 0 }] }],
    [null, { v2: [{ source_type: 'image', uuid: image, boot_index: 0, destination_type: 'volume' }] }],
    [image, { v2: [{ source_type: 'blank', destination_type: 'local', volume_size: 3 }] }],
    [image, { v2: [{ source_type: 'blank', destination_type: 'volume' }] }],
    [image, { v2: [], old: [] }],
  ];
  for (const [imageId, asked] of table)
    throws(
      () => disksOf(imageId, asked, plain),
      (thrown: unknown) => thrown instanceof Problem && thrown.kind === 'invalid',
      JSON.stringify(asked),
    );
});
