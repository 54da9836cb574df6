// A host is away for a while, its guests run on, and what was decided meanwhile is so within seconds of its return.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { path, ready } from '../../../../test/moving-server.ts';

for (const [name, awayMs] of [
  ['10 seconds', 10_000],
  ['5 minutes', 300_000],
] as const)
  test(`a host that was away for ${name} does what was decided meanwhile, and its other guests never noticed`, async () => {
    await using at = await ready();
    const here = (await at.show())['OS-EXT-SRV-ATTR:host'] as string;
    const { image, flavor, networks } = await twin(at);
    const ask = { name: 'two', imageRef: image, flavorRef: flavor, networks, availability_zone: `nova:${here}` };
    const { server } = await at.admin.post(path, { server: ask }, 202);
    await at.cloud.settle();
    const host = at.cloud.hosts.find(one => one.name === here)!;
    const other = host.machine.guests.get(`server/${server.id}`)!;
    equal(other.power, 'running');
    const before = { starts: other.starts, boot: other.boot };

    await host.agent.stop();
    await at.cloud.advance(awayMs / 2);
    const own = host.machine.network.get(`port/${other.entry.nics[0]!.portId}`);
    ok(own && 'rules' in own);
    const rulesBefore = own.rules.length;
    const { ports } = await at.admin.get(`/network/v2.0/ports?device_id=${server.id}`);
    const [groupId] = ports[0].security_groups as string[];
    const rule = { security_group_id: groupId, direction: 'ingress', protocol: 'tcp', port_range_min: 80 };
    await at.admin.post(
      '/network/v2.0/security-group-rules',
      { security_group_rule: { ...rule, port_range_max: 80 } },
      201,
    );
    await at.member.delete(`${path}/${at.id}`, 204);
    await at.cloud.advance(awayMs / 2);
    deepEqual([at.guestOn(here)?.power, other.power], ['running', 'running'], 'nobody told it');

    await host.restartAgent();
    await at.cloud.advance(10_000);
    equal(at.guestOn(here), undefined);
    const now = host.machine.network.get(`port/${other.entry.nics[0]!.portId}`);
    ok(now && 'rules' in now && now.rules.length > rulesBefore);
    deepEqual({ starts: other.starts, boot: other.boot, power: other.power }, { ...before, power: 'running' });
    await at.cloud.settle();
    await at.sound();
    deepEqual([...host.machine.doubles], []);
  });

async function twin(at: Awaited<ReturnType<typeof ready>>) {
  const { ports } = await at.admin.get(`/network/v2.0/ports?device_id=${at.id}`);
  const { images } = await at.admin.get('/image/v2/images');
  return { image: images[0].id, flavor: 'small', networks: [{ uuid: ports[0].network_id }] };
}
