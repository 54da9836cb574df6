// A few minutes of accidents on this machine: processes of a whole cloud with real guests are killed at random, from a seed.
// After each the cloud settles by itself, its audit is clean, and every status tells the truth.
// HANEUL_CHAOS_SEED replays a run; HANEUL_CHAOS_SECONDS makes it longer.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, apiOf } from '../scenarios/api.ts';
import { eventually, hostState, killRole, noCloud, realCloud, type RealCloud } from '../scenarios/haneul.ts';
import { seededRandom } from '../seeded-random.ts';
import { isAlive, kill, processesOf } from './processes.ts';

const seed = Number(process.env.HANEUL_CHAOS_SEED ?? process.pid);
const seconds = Number(process.env.HANEUL_CHAOS_SECONDS ?? 100);
const settleMs = 60_000;
/** From a guest's death to the API telling of it. */
const noticeMs = 2_000;

interface Estate {
  cloud: RealCloud;
  api: Api;
  projectId: string;
  imageId: string;
  flavorId: string;
  networkId: string;
  servers: string[];
  volumes: string[];
  attached: string[];
}

type Accident = 'control' | 'agent' | 'guest' | 'dhcp' | 'export';
const accidents: Accident[] = ['guest', 'export', 'dhcp', 'agent', 'control'];

test(`chaos on this machine, seed ${seed}`, { timeout: 900_000 }, async t => {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.bytes(4).readUInt32BE() % list.length]!;
  const counts: Partial<Record<Accident, number>> = {};
  let slowestSettleMs = 0;
  let slowestNoticeMs = 0;
  let marks = noCloud;
  {
    await using cloud = await realCloud('chaos', process.env.HANEUL_CHAOS_CIDR ?? '172.31.69.0/24');
    marks = cloud;
    const estate = await build(cloud);
    await settled(estate);
    const until = performance.now() + seconds * 1_000;
    for (let round = 0; round < accidents.length || performance.now() < until; round++) {
      // Each kind once, then as it comes.
      const accident = accidents[round] ?? pick(accidents);
      counts[accident] = (counts[accident] ?? 0) + 1;
      const started = performance.now();
      if (accident === 'guest')
        slowestNoticeMs = Math.max(slowestNoticeMs, await guestDies(estate, pick(estate.servers)));
      else if (accident === 'dhcp') await comesBack(cloud.data, /dnsmasq$/, estate.networkId);
      else if (accident === 'export') await comesBack(cloud.data, /qemu-storage-daemon$/, pick(estate.attached));
      else await killedAtWork(estate, accident, random.bytes(2).readUInt16BE() % 1_500);
      await settled(estate);
      const tookMs = performance.now() - started;
      slowestSettleMs = Math.max(slowestSettleMs, tookMs);
      t.diagnostic(`${round + 1}: ${accident}, all is well after ${(tookMs / 1000).toFixed(1)} s`);
    }
    await removeAll(estate);
    await settled(estate);
    for (const program of [/qemu-system/, /qemu-storage-daemon$/])
      deepEqual(processesOf(cloud.data, program), [], String(program));
    deepEqual(processesOf(cloud.data, /dnsmasq$/, estate.networkId), []);
    const told = Object.entries(counts).map(([accident, count]) => `${count} × ${accident}`);
    process.stdout.write(
      `chaos seed ${seed}: ${told.join(', ')}; settled within ${(slowestSettleMs / 1000).toFixed(1)} s, ` +
        `a dead guest told within ${Math.round(slowestNoticeMs)} ms\n`,
    );
  }
  deepEqual(await hostState(marks), await hostState(noCloud), 'nothing of the cloud is left on the machine');
});

async function build(cloud: RealCloud): Promise<Estate> {
  const api = await apiOf(cloud);
  const { projects } = await api.get('/identity/v3/projects?name=admin');
  const projectId = projects[0].id as string;
  // Each time that the program is killed at work a volume more is there.
  await api.put(`/volume/v3/${projectId}/os-quota-sets/${projectId}`, { quota_set: { volumes: -1, gigabytes: -1 } });
  const { network } = await api.post('/network/v2.0/networks', { network: { name: 'chaos' } });
  const subnet = { network_id: network.id, cidr: '10.45.0.0/24', ip_version: 4 };
  await api.post('/network/v2.0/subnets', { subnet });
  await api.post('/network/v2.0/ports', { port: { network_id: network.id, name: 'spare' } });
  const estate: Estate = {
    cloud,
    api,
    projectId,
    imageId: await api.imageId('haneul-tiny'),
    flavorId: await api.flavorId('tiny'),
    networkId: network.id,
    servers: [],
    volumes: [],
    attached: [],
  };
  for (let count = 0; count < 2; count++) estate.volumes.push(await createVolume(estate));
  for (let count = 0; count < 2; count++) {
    const { server } = await api.post('/compute/v2.1/servers', {
      server: {
        name: `chaos-${count}`,
        imageRef: estate.imageId,
        flavorRef: estate.flavorId,
        networks: [{ uuid: network.id }],
      },
    });
    estate.servers.push(server.id);
    await becomesActive(estate, server.id);
    const volumeId = estate.volumes[count]!;
    await api.post(`/compute/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId } });
    await eventually(async () => equal(await volumeStatus(estate, volumeId), 'in-use'), settleMs);
    estate.attached.push(volumeId);
  }
  return estate;
}

async function createVolume({ api, projectId }: Estate): Promise<string> {
  return (await api.post(`/volume/v3/${projectId}/volumes`, { volume: { size: 1 } })).volume.id;
}

async function serverOf({ api }: Estate, id: string) {
  return (await api.get(`/compute/v2.1/servers/${id}`)).server;
}

async function becomesActive(estate: Estate, id: string): Promise<void> {
  await eventually(async () => {
    const { status, fault } = await serverOf(estate, id);
    equal(status, 'ACTIVE', fault?.message);
  }, settleMs);
}

async function volumeStatus({ api, projectId }: Estate, id: string): Promise<string> {
  return (await api.get(`/volume/v3/${projectId}/volumes/${id}`)).volume.status;
}

/** The cloud is at rest and sound, every status is a final one and agrees with what runs. @throws when it is not in time */
async function settled(estate: Estate): Promise<void> {
  const { cloud, api, projectId } = estate;
  await eventually(
    async () => {
      const { servers } = await api.get('/compute/v2.1/servers/detail');
      for (const server of servers) {
        equal(server['OS-EXT-STS:task_state'], null);
        ok(['ACTIVE', 'SHUTOFF'].includes(server.status), `${server.id} is ${server.status}`);
        const runs = processesOf(cloud.data, /qemu-system/, server.id).length;
        equal(runs, server.status === 'ACTIVE' ? 1 : 0, `${server.id} is ${server.status} and ${runs} processes run`);
      }
      const { volumes } = await api.get(`/volume/v3/${projectId}/volumes/detail`);
      for (const { id, status } of volumes) ok(['available', 'in-use'].includes(status), `volume ${id} is ${status}`);
      const audit = await cloud.haneul('audit', '--at-rest');
      equal(audit.status, 0, audit.stdout);
    },
    settleMs,
    300,
  );
}

/** A guest's process dies: its server is shown as stopped, with the reason, and starts again. @returns how long that took to show */
async function guestDies(estate: Estate, id: string): Promise<number> {
  const { api, cloud } = estate;
  const [guest] = processesOf(cloud.data, /qemu-system/, id);
  ok(guest, `a process of server ${id}`);
  const killed = performance.now();
  kill(guest.pid);
  await eventually(async () => equal((await serverOf(estate, id)).status, 'SHUTOFF'), settleMs, 25);
  const noticed = performance.now() - killed;
  ok(noticed <= noticeMs, `it took ${Math.round(noticed)} ms until server ${id} was shown as stopped`);
  const { instanceActions } = await api.get(`/compute/v2.1/servers/${id}/os-instance-actions`);
  const told = instanceActions.find((action: { message: string | null }) => action.message !== null);
  match(told?.message ?? '', /ended by SIGKILL|was killed or crashed/);
  await api.post(`/compute/v2.1/servers/${id}/action`, { 'os-start': null });
  await becomesActive(estate, id);
  return noticed;
}

/** A helper process dies and another takes its place. */
async function comesBack(data: string, program: RegExp, word: string): Promise<void> {
  const [old] = processesOf(data, program, word);
  ok(old, `a process ${program} of ${word}`);
  kill(old.pid);
  await eventually(
    async () => {
      const [fresh] = processesOf(data, program, word);
      ok(fresh && fresh.pid !== old.pid && isAlive(fresh.pid), `${program} of ${word} is back`);
      deepEqual(fresh.args, old.args);
    },
    10_000,
    50,
  );
}

/** A part of the program dies while it makes one volume, deletes another and reboots a server. */
async function killedAtWork(estate: Estate, role: 'control' | 'agent', afterMs: number): Promise<void> {
  const { api, cloud, projectId } = estate;
  const spare = await createVolume(estate);
  await eventually(async () => equal(await volumeStatus(estate, spare), 'available'), settleMs);
  const work = [
    createVolume(estate),
    api.delete(`/volume/v3/${projectId}/volumes/${spare}`),
    api.post(`/compute/v2.1/servers/${estate.servers[0]}/action`, { reboot: { type: 'HARD' } }),
  ];
  const done = Promise.allSettled(work);
  await new Promise(resolve => setTimeout(resolve, afterMs));
  await killRole(cloud.data, role);
  await done;
  // What was asked for and answered is done; what got no answer happened or did not.
  await eventually(async () => void (await api.get('/compute/v2.1/servers')), settleMs);
}

async function removeAll(estate: Estate): Promise<void> {
  const { api, projectId, networkId } = estate;
  for (const id of estate.servers) await api.delete(`/compute/v2.1/servers/${id}`);
  await eventually(async () => deepEqual((await api.get('/compute/v2.1/servers')).servers, []), settleMs);
  const volumes = async (): Promise<{ id: string }[]> => (await api.get(`/volume/v3/${projectId}/volumes`)).volumes;
  await eventually(async () => {
    for (const { id } of await volumes())
      if (['available', 'error'].includes(await volumeStatus(estate, id)))
        await api.delete(`/volume/v3/${projectId}/volumes/${id}`);
    deepEqual(await volumes(), []);
  }, settleMs);
  const { ports } = await api.get(`/network/v2.0/ports?network_id=${networkId}`);
  for (const { id, device_owner: owner } of ports)
    if (!owner.startsWith('network:')) await api.delete(`/network/v2.0/ports/${id}`);
  await api.delete(`/network/v2.0/networks/${networkId}`);
}
