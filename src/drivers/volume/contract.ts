// What every volume driver must do, as tests: each backend's test file calls this with its own driver.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, VolumeDriver } from '#/drivers/volume/volume-driver.ts';
import { Problem, type ProblemKind } from '#/platform/problem/problem.ts';

export interface VolumeFixture extends AsyncDisposable {
  /** A driver over the same disks, as a restarted agent makes it. */
  start(): VolumeDriver;
  /** An image of 1 GiB or less that the host holds. */
  image: `image/${string}`;
  images: (key: `image/${string}`) => { path: string; format: 'raw' | 'qcow2' };
}

/** Declares the tests of one backend. @param open makes an empty host with room for at least 8 GiB */
export function volumeContract(backend: string, open: () => Promise<VolumeFixture>): void {
  const disk = (id: string, more: Partial<Disk> = {}): Disk => ({
    key: `volume/${id}`,
    sizeGib: 1,
    exported: false,
    epoch: 0,
    tickets: [],
    snapshots: [],
    ...more,
  });

  test(`${backend}: a disk is made, exported, taken back and removed`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.restore();
    deepEqual(await driver.list(), []);
    equal((await driver.ensure(disk('a'), host.images)).connection, undefined);
    deepEqual(await driver.list(), ['volume/a']);
    const { connection } = await driver.ensure(disk('a', { exported: true }), host.images);
    ok(connection);
    deepEqual(
      (await driver.ensure(disk('a', { exported: true }), host.images)).connection,
      connection,
      'the same again',
    );
    equal((await driver.ensure(disk('a'), host.images)).connection, undefined);
    await driver.remove('volume/a');
    await driver.remove('volume/a');
    deepEqual(await driver.list(), []);
  });

  test(`${backend}: a disk whose epoch counts up is served on, with other tickets`, async () => {
    await using host = await open();
    const driver = host.start();
    const served = (epoch: number, tickets: string[]) =>
      driver.ensure(disk('a', { exported: true, epoch, tickets }), host.images);
    const { connection } = await served(0, ['one']);
    deepEqual((await served(0, ['one', 'two'])).connection, connection);
    deepEqual((await served(1, ['two'])).connection, connection);
    const again = host.start();
    await again.restore();
    deepEqual((await again.ensure(disk('a', { exported: true, epoch: 2 }), host.images)).connection, connection);
    equal((await again.ensure(disk('a', { epoch: 3 }), host.images)).connection, undefined);
  });

  test(`${backend}: a disk grows while it is exported, and never shrinks`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.ensure(disk('a', { exported: true }), host.images);
    const grown = await driver.ensure(disk('a', { exported: true, sizeGib: 2 }), host.images);
    ok(grown.connection);
    // A growth whose answer was lost is taken back in the plan, but not on the disk.
    ok((await driver.ensure(disk('a', { exported: true, sizeGib: 1 }), host.images)).connection);
    await driver.ensure(disk('a', { sizeGib: 3 }), host.images);
  });

  test(`${backend}: snapshots come and go, with and without an export`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.ensure(disk('a', { snapshots: ['s1'] }), host.images);
    await driver.ensure(disk('a', { exported: true, snapshots: ['s1', 's2'] }), host.images);
    await driver.ensure(disk('b', { source: { disk: 'volume/a', snapshot: 's2' } }), host.images);
    await driver.ensure(disk('a', { exported: true, snapshots: ['s2'] }), host.images);
    await rejects(
      driver.ensure(disk('c', { source: { disk: 'volume/a', snapshot: 's1' } }), host.images),
      isProblem('unavailable'),
    );
    deepEqual((await driver.list()).sort(), ['volume/a', 'volume/b'], 'nothing of the failed disk stays');
    await driver.ensure(disk('a'), host.images);
  });

  test(`${backend}: disks start from images and other disks`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.ensure(disk('a', { source: { image: host.image } }), host.images);
    await driver.ensure(disk('b', { sizeGib: 2, source: { disk: 'volume/a' } }), host.images);
    await driver.remove('volume/a');
    await driver.ensure(disk('b', { sizeGib: 2, source: { disk: 'volume/a' }, exported: true }), host.images);
  });

  test(`${backend}: a new driver finds what an earlier one left`, async () => {
    await using host = await open();
    await host.start().ensure(disk('a', { exported: true, snapshots: ['s1'] }), host.images);
    const driver = host.start();
    await driver.restore();
    deepEqual(await driver.list(), ['volume/a']);
    ok((await driver.ensure(disk('a', { exported: true, snapshots: ['s1'] }), host.images)).connection);
  });

  test(`${backend}: a disk that does not fit is refused and leaves nothing`, async () => {
    await using host = await open();
    const driver = host.start();
    const { totalGib, freeGib } = await driver.capacity();
    ok(freeGib > 0 && freeGib <= totalGib);
    await rejects(driver.ensure(disk('a', { sizeGib: totalGib + 1 }), host.images), isProblem('unavailable'));
    deepEqual(await driver.list(), []);
  });
}

function isProblem(kind: ProblemKind): (thrown: unknown) => boolean {
  return thrown => {
    ok(thrown instanceof Problem, String(thrown));
    equal(thrown.kind, kind);
    return true;
  };
}
