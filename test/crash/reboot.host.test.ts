// The machine reboots and its control plane does not come back: the agent alone, from the plan that it keeps, brings the
// guests back with their disks and networks. When the control plane returns, it finds everything as it should be.

import { equal, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processesOf } from '../chaos/processes.ts';
import { type Api, apiOf } from '../scenarios/api.ts';
import { eventually, hostState, noCloud, realCloud, run, sshTo } from '../scenarios/haneul.ts';
import { loseEverything, startAgentAlone } from './machine.ts';

const cidr = process.env['HANEUL_REBOOT_CIDR'] ?? '172.31.76.0/24';
/** From the agent's start to the guest's process. */
const boundMs = 60_000;

test('after a reboot the agent alone brings the guests back', { timeout: 1_200_000 }, async t => {
  let marks = noCloud;
  const keys = mkdtempSync(join(tmpdir(), 'haneul-reboot-key-'));
  try {
    await using cloud = await realCloud('reboot', cidr);
    marks = cloud;
    const api = await apiOf(cloud);
    const key = join(keys, 'key');
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const { runs, stopped, address } = await build(api, readFileSync(`${key}.pub`, 'utf8').trim());
    const write = ['sudo sh -c "echo kept > /root/note; sync; echo kept | dd of=/dev/vdb conv=fsync"'];
    await eventually(() => sshTo(address, key, write), 300_000).catch(async error => {
      const asked = { 'os-getConsoleOutput': { length: 40 } };
      throw new Error((await api.post(`/compute/v2.1/servers/${runs}/action`, asked)).output, { cause: error });
    });

    await loseEverything(cloud);
    equal((await hostState(cloud)).join(), (await hostState(noCloud)).join(), 'nothing is left of it');
    await rejects(fetch(cloud.url));
    const started = performance.now();
    {
      await using _agent = startAgentAlone(cloud, { HANEUL_EXTERNAL_NETWORK_CIDR: cidr });
      await eventually(async () => equal(processesOf(cloud.data, /qemu-system/, runs).length, 1), boundMs, 100);
      t.diagnostic(`the guest's process is back after ${((performance.now() - started) / 1000).toFixed(1)} s`);
      const note = ['sudo sh -c "cat /root/note; head -c 5 /dev/vdb"'];
      const read = await eventually(() => sshTo(address, key, note), 300_000);
      t.diagnostic(`the guest answers after ${((performance.now() - started) / 1000).toFixed(1)} s`);
      equal(read.stdout, 'kept\nkept\n');
      // Its address came of the restored DHCP server, its key of the restored metadata service.
      ok((await sshTo(address, key, ['curl -s http://169.254.169.254/latest/meta-data/hostname'])).stdout.length > 0);
      equal(processesOf(cloud.data, /qemu-system/, stopped).length, 0, 'what was stopped stays so');
      await rejects(fetch(cloud.url), 'all that without the control plane');
    }

    const [guest] = processesOf(cloud.data, /qemu-system/, runs);
    await cloud.up();
    await eventually(async () => {
      const audit = await cloud.haneul('audit', '--at-rest');
      equal(audit.status, 0, audit.stdout);
    });
    equal((await api.get(`/compute/v2.1/servers/${runs}`)).server.status, 'ACTIVE');
    equal((await api.get(`/compute/v2.1/servers/${stopped}`)).server.status, 'SHUTOFF');
    equal(processesOf(cloud.data, /qemu-system/, runs)[0]?.pid, guest?.pid, 'nobody touched the guest');
    await sshTo(address, key, ['true']);
  } finally {
    rmSync(keys, { recursive: true });
  }
  equal(
    (await hostState(marks)).join(),
    (await hostState(noCloud)).join(),
    'nothing of the cloud is left on the machine',
  );
});

/** A server with a volume and a floating IP, and one that is stopped. */
async function build(api: Api, publicKey: string): Promise<{ runs: string; stopped: string; address: string }> {
  const { projects } = await api.get('/identity/v3/projects?name=admin');
  const projectId = projects[0].id as string;
  await api.post('/compute/v2.1/os-keypairs', { keypair: { name: 'key', type: 'ssh', public_key: publicKey } });
  const { networks } = await api.get('/network/v2.0/networks?router:external=true');
  const external = networks[0].id as string;
  const { network } = await api.post('/network/v2.0/networks', { network: { name: 'reboot' } });
  const { subnet } = await api.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, cidr: '10.46.0.0/24', ip_version: 4 },
  });
  const { router } = await api.post('/network/v2.0/routers', {
    router: { name: 'reboot', external_gateway_info: { network_id: external } },
  });
  await api.put(`/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const { security_group: group } = await api.post('/network/v2.0/security-groups', {
    security_group: { name: 'ssh' },
  });
  await api.post('/network/v2.0/security-group-rules', {
    security_group_rule: {
      security_group_id: group.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
    },
  });
  const ids: string[] = [];
  for (const name of ['runs', 'stopped']) {
    const { server } = await api.post('/compute/v2.1/servers', {
      server: {
        name,
        imageRef: await api.imageId('haneul-tiny'),
        flavorRef: await api.flavorId('tiny'),
        networks: [{ uuid: network.id }],
        key_name: 'key',
        security_groups: [{ name: 'ssh' }],
      },
    });
    await becomes(api, server.id, 'ACTIVE');
    ids.push(server.id);
  }
  const [runs = '', stopped = ''] = ids;
  await api.post(`/compute/v2.1/servers/${stopped}/action`, { 'os-stop': null });
  const { volume } = await api.post(`/volume/v3/${projectId}/volumes`, { volume: { size: 1 } });
  const volumeStatus = async (): Promise<string> =>
    (await api.get(`/volume/v3/${projectId}/volumes/${volume.id}`)).volume.status;
  await eventually(async () => equal(await volumeStatus(), 'available'));
  await api.post(`/compute/v2.1/servers/${runs}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } });
  await eventually(async () => equal(await volumeStatus(), 'in-use'));
  await becomes(api, stopped, 'SHUTOFF');
  const { ports } = await api.get(`/network/v2.0/ports?device_id=${runs}`);
  const { floatingip } = await api.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: external, port_id: ports[0].id },
  });
  return { runs, stopped, address: floatingip.floating_ip_address };
}

async function becomes(api: Api, id: string, status: string): Promise<void> {
  await eventually(async () => equal((await api.get(`/compute/v2.1/servers/${id}`)).server.status, status), 120_000);
}
