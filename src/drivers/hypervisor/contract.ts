// What every hypervisor driver must do, as tests: each backend's test file calls this with its own driver.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { BaseImage, Guest, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface HypervisorFixture extends AsyncDisposable {
  /** A driver over the same guests, as a restarted agent makes it; the one before does nothing more. */
  start(): HypervisorDriver;
  image: BaseImage;
  /** Lets a guest end without the driver's doing. */
  kill(serverId: string): Promise<void>;
}

/** A guest without NICs and volumes, for tests. */
export function guestEntry(serverId: string, image: BaseImage['key'] | null, more: Partial<Guest> = {}): Guest {
  return {
    key: `server/${serverId}`,
    serverId,
    projectId: 'a'.repeat(32),
    name: 'instance-00000001',
    vcpus: 1,
    memoryMib: 64,
    power: 'running',
    boot: 1,
    root: { image, sizeGib: 1 },
    rootGeneration: 0,
    ephemeralGib: [],
    swapMib: 0,
    kernel: null,
    disks: [],
    nics: [],
    configDrive: false,
    instanceData: {
      metaData: { uuid: serverId, hostname: 'one.example' },
      networkData: {},
      vendorData: {},
      ec2: {},
      files: [],
    },
    hardware: {
      machine: 'pc',
      diskBus: 'virtio',
      cdromBus: 'ide',
      video: 'none',
      guestAgent: false,
      firmware: 'bios',
      rng: true,
    },
    ...more,
  };
}

/** Declares the tests of one backend. @param open makes an empty host */
export function hypervisorContract(backend: string, open: () => Promise<HypervisorFixture>): void {
  const id = '11111111-2222-4333-8444-555555555555';
  const missing = '99999999-2222-4333-8444-555555555555';

  test(`${backend}: a guest is built, stopped, started and removed, twice each`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.restore();
    await driver.ensureImage(host.image);
    await driver.ensureImage(host.image);
    const guest = guestEntry(id, host.image.key);
    for (const entry of [guest, guest]) equal((await driver.ensureGuest(entry)).power, 'running');
    deepEqual(await driver.list(), { guests: [guest.key], images: [host.image.key] });
    const stopped = { ...guest, power: 'stopped' as const };
    for (const entry of [stopped, stopped]) equal((await driver.ensureGuest(entry)).power, 'stopped');
    const again = await driver.ensureGuest({ ...guest, boot: 2 });
    deepEqual([again.power, again.boot], ['running', 2]);
    equal((await driver.ensureGuest({ ...guest, boot: 2, power: 'paused' })).power, 'paused');
    equal((await driver.ensureGuest({ ...guest, boot: 2 })).power, 'running');
    await driver.reboot({ ...guest, boot: 2 }, 'hard');
    equal((await driver.ensureGuest({ ...guest, boot: 2 })).power, 'running');
    for (const key of [guest.key, guest.key]) await driver.removeGuest(key);
    for (const key of [host.image.key, host.image.key]) await driver.removeImage(key);
    deepEqual(await driver.list(), { guests: [], images: [] });
    await driver.close();
  });

  test(`${backend}: a guest that ended stays down until it is asked for anew, and a new agent hears of it`, async () => {
    await using host = await open();
    const first = host.start();
    await first.ensureImage(host.image);
    const guest = guestEntry(id, host.image.key);
    await first.ensureGuest(guest);
    await first.close();
    const driver = host.start();
    const exits: string[] = [];
    driver.onExit(exit => exits.push(`${exit.serverId} ${exit.boot} ${exit.kind}`));
    await host.kill(id);
    await driver.restore();
    const facts = await driver.ensureGuest(guest);
    ok(facts.power === 'crashed' || facts.power === 'stopped');
    ok(facts.exitReason);
    deepEqual(exits, [`${id} 1 crash`]);
    equal((await driver.ensureGuest({ ...guest, boot: 2 })).power, 'running');
    await driver.removeGuest(guest.key);
    await driver.close();
  });

  test(`${backend}: guests outlive the agent`, async () => {
    await using host = await open();
    const first = host.start();
    await first.ensureImage(host.image);
    const guest = guestEntry(id, host.image.key);
    await first.ensureGuest(guest);
    await first.close();
    const driver = host.start();
    await driver.restore();
    deepEqual((await driver.list()).guests, [guest.key]);
    equal((await driver.ensureGuest(guest)).power, 'running');
    equal(typeof (await driver.consoleLog(guest.key, 10)), 'string');
    ok(Object.keys(await driver.diagnostics(guest.key)).length > 0);
    await driver.removeGuest(guest.key);
    await driver.close();
  });

  test(`${backend}: a disk is copied, under a guest that runs and one that does not`, async () => {
    await using host = await open();
    const driver = host.start();
    await driver.restore();
    await driver.ensureImage(host.image);
    const guest = guestEntry(id, host.image.key);
    for (const power of ['running', 'paused', 'stopped'] as const) {
      const entry = { ...guest, power };
      await driver.ensureGuest(entry);
      const copyId = `00000000-0000-4000-8000-00000000000${power.length}`;
      const copy = await driver.copyDisk(entry, copyId);
      deepEqual(await driver.copyDisk(entry, copyId), copy, 'the same copy');
      ok(copy.sizeBytes > 0);
      equal((await driver.ensureGuest(entry)).power, power);
      for (const _ of [1, 2]) await driver.dropDiskCopy(guest.key, copyId);
    }
    await rejects(
      driver.copyDisk({ ...guest, root: null, serverId: missing, key: `server/${missing}` }, id),
      thrown => thrown instanceof Problem && ['conflict', 'notFound'].includes(thrown.kind),
    );
    await driver.dropDiskCopy(`server/${missing}`, id);
    await driver.removeGuest(guest.key);
    await driver.close();
  });

  test(`${backend}: what is not there is said to be so`, async () => {
    await using host = await open();
    const driver = host.start();
    for (const call of [() => driver.consoleLog(`server/${id}`, null), () => driver.diagnostics(`server/${id}`)])
      await rejects(call, thrown => thrown instanceof Problem && thrown.kind === 'notFound');
    await driver.close();
  });
}
