// Volumes of one machine for guests of another: attached, taken along, kept over a restarted agent, and taken from a guest
// that nobody can end.

import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { type Api, apiOf } from './api.ts';
import { guestsOn, moveLive, type MovingGuest, movingGuest } from './moving-guest.ts';
import { type Machine, type TestBed, testBed } from './testbed.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function twoMachines(bed: TestBed): Promise<[Machine, Machine]> {
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  return [one, two];
}

/** A volume on the first machine, attached to the guest as `/dev/vdb`. */
async function attached(api: Api, guest: MovingGuest): Promise<string> {
  const { volume } = await api.post(`/volume/v3/${api.projectId}/volumes`, { volume: { size: 1 } });
  const id = volume.id as string;
  await eventually(async () => equal(await statusOf(api, id), 'available'), 60_000);
  const seen = await guest.admin.get(`/volume/v3/${guest.admin.projectId}/volumes/${id}`);
  equal(seen.volume['os-vol-host-attr:host'].split('@')[0], 'one');
  await api.post(`/compute/v2.1/servers/${guest.id}/os-volume_attachments`, { volumeAttachment: { volumeId: id } });
  await eventually(async () => equal(await statusOf(api, id), 'in-use'), 60_000);
  await eventually(() => guest.inGuest('test -b /dev/vdb'), 60_000);
  return id;
}

async function statusOf(api: Api, id: string): Promise<string> {
  return (await api.get(`/volume/v3/${api.projectId}/volumes/${id}`)).volume.status;
}

/** qemu-io's command on a volume, as guests of its own host reach it. */
async function io(machine: Machine, volumeId: string, command: string): Promise<string> {
  const disk = `nbd+unix:///disk?socket=${join(machine.data, 'host', 'volumes', volumeId, 'nbd.sock')}`;
  const { stdout, stderr } = await machine.run(['qemu-io', '-f', 'raw', '-c', command, '-c', 'flush', disk], {
    allow: true,
  });
  return `${stdout}${stderr}`;
}

/** Whether the first MiB of a volume is full of a letter. */
async function holds(machine: Machine, volumeId: string, letter: string): Promise<boolean> {
  const said = await io(machine, volumeId, `read -P ${letter.charCodeAt(0)} 0 1M`);
  match(said, /read 1048576\/1048576|verification failed/);
  return !/verification failed/.test(said);
}

async function write(machine: Machine, volumeId: string, letter: string): Promise<void> {
  match(await io(machine, volumeId, `write -P ${letter.charCodeAt(0)} 0 1M`), /wrote 1048576\/1048576/);
}

const fill = (letter: string): string =>
  `tr '\\0' ${letter} < /dev/zero | head -c 1048576 | sudo dd of=/dev/vdb bs=1M conv=fsync`;

test('a guest has a volume of another machine, also when it moves and when an agent is killed', {
  timeout: 600_000,
}, async () => {
  await using bed = await testBed('volumes');
  const [one, two] = await twoMachines(bed);
  await using guest = await movingGuest(one, [one, two], 'two');
  const api = await apiOf(one, 'demo');
  const volumeId = await attached(api, guest);
  const sum = 'sudo cat /mnt/file | md5sum';
  await guest.inGuest('sudo mkfs.ext4 -q /dev/vdb && sudo mount /dev/vdb /mnt');
  await guest.inGuest('head -c 8000000 /dev/urandom | sudo dd of=/mnt/file bs=1M 2>/dev/null; sync');
  const before = await guest.inGuest(sum);
  for (const name of ['one', 'two']) {
    say(`with its volume to ${name}: silent for ${Math.round(await moveLive(guest, name))} ms at most`);
    ok(guest.session.alive());
    await guest.inGuest('echo 3 | sudo tee /proc/sys/vm/drop_caches; sudo touch /mnt/touched; sync');
    equal(await guest.inGuest(sum), before);
  }
  // Both agents die while it writes; their supervisors start them again.
  const writing = guest.inGuest(
    'for i in $(seq 60); do head -c 1000000 /dev/urandom | sudo dd of=/mnt/$i bs=1M conv=fsync 2>&1 || echo failed; sleep 0.2; done',
  );
  await one.kill('agent');
  await new Promise(resolve => setTimeout(resolve, 5_000));
  await two.kill('agent');
  doesNotMatch(await writing, /failed|error/i);
  await guest.inGuest('echo 3 | sudo tee /proc/sys/vm/drop_caches');
  equal(await guest.inGuest(sum), before);
  doesNotMatch(await guest.inGuest('sudo dmesg'), /I\/O error/);
  await guest.inGuest('sudo umount /mnt');
  await api.delete(`/compute/v2.1/servers/${guest.id}/os-volume_attachments/${volumeId}`);
  await eventually(async () => equal(await statusOf(api, volumeId), 'available'), 60_000);
  await eventually(() => guest.inGuest('test ! -b /dev/vdb'), 20_000);
  await api.delete(`/volume/v3/${api.projectId}/volumes/${volumeId}`);
});

test('after an evacuation the guest that still runs writes to its volume no more, and is ended when its host is back', {
  timeout: 600_000,
}, async () => {
  await using bed = await testBed('fencing');
  const [one, two] = await twoMachines(bed);
  await using guest = await movingGuest(one, [one, two], 'two');
  const api = await apiOf(one, 'demo');
  const volumeId = await attached(api, guest);
  await guest.inGuest(fill('f'));
  equal(await holds(one, volumeId, 'f'), true);
  // It writes on and on.
  await guest.inGuest(
    `cat > /tmp/again <<'END'\nwhile :; do ${fill('f')}; done\nEND\nnohup sh /tmp/again >/dev/null 2>&1 &`,
  );

  // The cloud does not hear of its host any more; the network between guests and volumes still is whole.
  await two.run(['ip', 'link', 'set', 'eth0', 'down']);
  await eventually(async () => {
    const { hosts } = await guest.admin.get('/haneul/hosts');
    equal(hosts.find((host: { name: string }) => host.name === 'two').up, false);
  }, 60_000);
  await guest.admin.post(`/compute/v2.1/servers/${guest.id}/action`, { evacuate: {} });
  await eventually(async () => {
    const { server } = await guest.admin.get(`/compute/v2.1/servers/${guest.id}`);
    deepEqual([server.status, server['OS-EXT-SRV-ATTR:host']], ['ACTIVE', 'one']);
  }, 180_000);
  deepEqual([guestsOn(one), guestsOn(two)], [[guest.id], [guest.id]], 'nobody could end it');
  // The new guest's way to it is the volume's own host: what is written there stays.
  await write(one, volumeId, 'n');
  for (let looks = 0; looks < 20; looks++) {
    equal(await holds(one, volumeId, 'n'), true, 'what the old guest writes does not arrive');
    await new Promise(resolve => setTimeout(resolve, 500));
  }

  await two.run(['ip', 'link', 'set', 'eth0', 'up']);
  const healed = performance.now();
  await eventually(async () => deepEqual(guestsOn(two), []), 30_000);
  const seconds = (performance.now() - healed) / 1_000;
  say(`the old guest was ended ${seconds.toFixed(1)} s after its host was back`);
  ok(seconds < 10, `${seconds} s`);
  deepEqual(guestsOn(one), [guest.id]);
  equal(await holds(one, volumeId, 'n'), true);
});
