// Stories of servers: each ends with nothing left behind.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { someImage, someNetwork } from '../../../../test/image-and-network.ts';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const path = '/compute/v2.1/servers';

async function ready(options: { hosts?: number } = {}) {
  const cloud = await testCloud({ seed: 7, hosts: 1, ...options });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.96' });
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.96' });
  const imageRef = await someImage(admin);
  const network = await someNetwork(member);
  const ask = (name: string, more: Record<string, unknown> = {}) => ({
    server: { name, imageRef, flavorRef: 'tiny', networks: [{ uuid: network }], ...more },
  });
  const create = async (
    name: string,
    more?: Record<string, unknown>,
    extra: Record<string, unknown> = {},
  ): Promise<string> => {
    const { server } = await member.post(path, { ...ask(name, more), ...extra }, 202);
    await cloud.settle();
    return server.id as string;
  };
  const show = async (id: string) => (await admin.get(`${path}/${id}`)).server;
  const act = async (id: string, action: Record<string, unknown>, status = 202): Promise<void> => {
    await member.post(`${path}/${id}/action`, action, status);
    await cloud.settle();
  };
  return {
    cloud,
    admin,
    member,
    imageRef,
    network,
    ask,
    create,
    show,
    act,
    [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
  };
}

async function nothingLeft(cloud: TestCloud, admin: TestClient): Promise<void> {
  deepEqual((await admin.get(`${path}?all_tenants=1`)).servers, []);
  for (const { machine } of cloud.hosts)
    deepEqual(
      [[...machine.guests.keys()], [...machine.network.keys()].filter(key => key.startsWith('port/'))],
      [[], []],
    );
  const { ports } = await admin.get('/network/v2.0/ports');
  deepEqual(
    ports.filter((port: { device_owner: string }) => port.device_owner.startsWith('compute:')),
    [],
  );
  const { resource_providers: providers } = await admin
    .request('GET', '/placement/resource_providers')
    .then(answer => answer.body);
  for (const { uuid } of providers) {
    const { usages } = (await admin.request('GET', `/placement/resource_providers/${uuid}/usages`)).body;
    ok(
      Object.values(usages as Record<string, number>).every(used => used === 0),
      JSON.stringify(usages),
    );
  }
}

test('a server is made, seen, stopped, started, paused, rebooted and deleted', async () => {
  await using at = await ready();
  const id = await at.create('web');
  const guest = () => at.cloud.hosts[0]!.machine.guests.get(`server/${id}`)!;
  const server = await at.show(id);
  deepEqual(
    [server.status, server['OS-EXT-STS:power_state'], server['OS-EXT-SRV-ATTR:host'], server.flavor.original_name],
    ['ACTIVE', 1, 'host-1', 'tiny'],
  );
  match(server.addresses.net[0].addr, /^10\.7\.0\./);
  await at.act(id, { 'os-stop': null });
  deepEqual([(await at.show(id)).status, guest().power], ['SHUTOFF', 'stopped']);
  await at.act(id, { 'os-stop': null }, 409);
  await at.act(id, { 'os-start': null });
  deepEqual([(await at.show(id)).status, guest().power], ['ACTIVE', 'running']);
  await at.act(id, { pause: null });
  deepEqual([(await at.show(id)).status, guest().power], ['PAUSED', 'paused']);
  await at.act(id, { unpause: null });
  const { starts } = guest();
  await at.act(id, { reboot: { type: 'SOFT' } });
  await at.act(id, { reboot: { type: 'HARD' } });
  deepEqual([(await at.show(id)).status, guest().starts], ['ACTIVE', starts + 2]);
  const { output } = await at.member.post(`${path}/${id}/action`, { 'os-getConsoleOutput': { length: 1 } }, 200);
  match(output, /login:/);
  await at.member.delete(`${path}/${id}`);
  await at.cloud.settle();
  await at.member.get(`${path}/${id}`, 404);
  await nothingLeft(at.cloud, at.admin);
  const { instanceActions } = await at.member.get(`${path}/${id}/os-instance-actions`);
  deepEqual(instanceActions.map((action: { action: string }) => action.action).toReversed(), [
    'create',
    'stop',
    'start',
    'pause',
    'unpause',
    'reboot',
    'reboot',
    'delete',
  ]);
});

test('a server that fits nowhere says why, and holds nothing but its quota', async () => {
  await using at = await ready();
  await at.admin.post(
    '/compute/v2.1/flavors',
    { flavor: { name: 'vast', id: 'vast', ram: 4_000_000, vcpus: 1, disk: 1 } },
    200,
  );
  await at.admin.put(`/compute/v2.1/os-quota-sets/${at.member.projectId}`, { quota_set: { ram: -1 } });
  const id = await at.create('vast', { flavorRef: 'vast' });
  const server = await at.show(id);
  equal(server.status, 'ERROR');
  match(
    server.fault.message,
    /^No valid host was found\. Resources refused 1 of 1 hosts\. Nearest is host-1: it would fit with MEMORY_MB \d+ or less \(asked 4000000\)/,
  );
  const { instanceActions } = await at.member.get(`${path}/${id}/os-instance-actions`);
  equal(instanceActions[0].message, server.fault.message);
  await at.member.delete(`${path}/${id}`);
  await at.cloud.settle();
  await nothingLeft(at.cloud, at.admin);
});

test('a host that cannot start the guest leaves an error and takes everything back', async () => {
  await using at = await ready();
  const { machine } = at.cloud.hosts[0]!;
  machine.faults.sometimes(1, ['fail'], ['hypervisor.ensureGuest']);
  const { server } = await at.member.post(path, at.ask('doomed'), 202);
  await at.cloud.settle();
  await at.cloud.advance(660_000);
  machine.faults.clear();
  await at.cloud.settle();
  const shown = await at.show(server.id);
  deepEqual([shown.status, shown['OS-EXT-SRV-ATTR:host'], shown.addresses], ['ERROR', null, {}]);
  ok(shown.fault.message.length > 20);
  await at.member.delete(`${path}/${server.id}`);
  await at.cloud.settle();
  await nothingLeft(at.cloud, at.admin);
});

for (const call of ['hypervisor.ensureImage', 'network.ensureFilters', 'network.ensure'])
  test(`a host that fails at what a guest needs (${call}) is not waited for`, async () => {
    await using at = await ready();
    const { machine } = at.cloud.hosts[0]!;
    machine.faults.sometimes(1, ['fail'], [call]);
    const { server } = await at.member.post(path, at.ask('doomed'), 202);
    await at.cloud.advance(30_000);
    machine.faults.clear();
    await at.cloud.settle();
    const shown = await at.show(server.id);
    equal(shown.status, 'ERROR');
    ok(shown.fault.message.includes(call), shown.fault.message);
    await at.member.delete(`${path}/${server.id}`);
    await at.cloud.settle();
    await nothingLeft(at.cloud, at.admin);
  });

test('a delete takes the place of a create that is under way', async () => {
  await using at = await ready();
  at.cloud.hosts[0]!.machine.faults.next('fail', 'hypervisor.ensureGuest', 3);
  const { server } = await at.member.post(path, at.ask('brief'), 202);
  await at.member.delete(`${path}/${server.id}`);
  await at.cloud.settle();
  await at.member.get(`${path}/${server.id}`, 404);
  await nothingLeft(at.cloud, at.admin);
});

test('a guest that ends by itself is stopped, its actions say why, and it starts again', async () => {
  await using at = await ready();
  const id = await at.create('fragile');
  at.cloud.hosts[0]!.machine.exit(id, 'crash');
  await at.cloud.settle();
  const server = await at.show(id);
  deepEqual([server.status, server['OS-EXT-STS:power_state']], ['SHUTOFF', 6]);
  const { instanceActions } = await at.member.get(`${path}/${id}/os-instance-actions`);
  deepEqual([instanceActions[0].action, /ended by itself/.test(instanceActions[0].message)], ['stop', true]);
  await at.act(id, { 'os-start': null });
  equal((await at.show(id)).status, 'ACTIVE');
});

test('many at once share a reservation, and quota counts them all', async () => {
  await using at = await ready({ hosts: 2 });
  const { reservation_id } = await at.member.post(
    path,
    at.ask('farm', { min_count: 2, max_count: 3, return_reservation_id: true }),
    202,
  );
  await at.cloud.settle();
  const { servers } = await at.admin.get(
    `${path}/detail?all_tenants=1&reservation_id=${reservation_id}&sort_key=display_name&sort_dir=asc`,
  );
  deepEqual(
    servers.map((server: { name: string }) => server.name),
    ['farm-1', 'farm-2', 'farm-3'],
  );
  equal(new Set(servers.map((server: Record<string, string>) => server['OS-EXT-SRV-ATTR:host'])).size, 2);
  const refused = await at.member.request('POST', path, { body: at.ask('more', { min_count: 8 }) });
  deepEqual(
    [refused.status, refused.body.forbidden.message],
    [403, 'Quota exceeded for instances: requested 8, but already used 3 of 10.'],
  );
  const { limits } = await at.member.get('/compute/v2.1/limits');
  deepEqual([limits.absolute.totalInstancesUsed, limits.absolute.totalRAMUsed], [3, 768]);
});

test('lists are filtered, ordered and paged', async () => {
  await using at = await ready();
  for (const name of ['alpha', 'beta', 'gamma'])
    await at.create(name, { tags: [name.slice(0, 1)], metadata: { name } });
  const names = async (query: string, client = at.member) =>
    (await client.get(`${path}?${query}`)).servers.map((server: { name: string }) => server.name);
  const ordered = 'sort_key=display_name&sort_dir=asc';
  deepEqual(await names(ordered), ['alpha', 'beta', 'gamma']);
  deepEqual(await names('name=^.*a.*m'), ['gamma']);
  deepEqual(await names('tags=b'), ['beta']);
  deepEqual(await names(`not-tags-any=b&${ordered}`), ['alpha', 'gamma']);
  deepEqual(await names('status=SHUTOFF'), []);
  await at.member.get(`${path}?status=odd`, 400);
  await at.member.get(`${path}?odd=1`, 400);
  const first = await at.member.get(`${path}?limit=2&${ordered}`);
  const next = first.servers_links[0].href as string;
  deepEqual(
    (await at.member.get(next.slice(next.indexOf('/compute')))).servers.map((server: { name: string }) => server.name),
    ['gamma'],
  );
  deepEqual(await names('', at.cloud.as('other')), []);
  await at.member.get(`${path}?all_tenants=1`, 403);
  equal((await names('all_tenants=1', at.admin)).length, 3);
  const one = (await at.member.get(`${path}/detail?name=beta`)).servers[0];
  deepEqual(await names(`ip=${one.addresses.net[0].addr.replaceAll('.', '\\.')}$`), ['beta']);
  deepEqual(await names(`flavor=tiny&image=${at.imageRef}&${ordered}&marker=${one.id}`), ['gamma']);
});

test('what is wrong with a request is said before anything is made', async () => {
  await using at = await ready();
  const none = '00000000-0000-4000-8000-000000000000';
  const table: [Record<string, unknown>, number, RegExp][] = [
    [{ imageRef: none }, 400, /image|이미지/i],
    [{ flavorRef: 'none' }, 400, /Flavor none/],
    [{ key_name: 'none' }, 400, /keypair none/],
    [{ networks: [{ uuid: none }] }, 400, /etwork/],
    [{ networks: [{ port: none }] }, 400, /ort/],
    [{ security_groups: [{ name: 'none' }] }, 400, /none/],
    [{ availability_zone: 'none' }, 400, /none/],
    [{ availability_zone: 'nova:host-1' }, 403, /forced_host/],
    [{ user_data: '%%%' }, 400, /base 64/],
    [{ min_count: 3, max_count: 2 }, 400, /min_count/],
    [{ metadata: { 'a/b': '1' } }, 400, /metadata/],
    [{ name: ' ' }, 400, /name/],
    [{ personality: [] }, 400, /personality/],
    [{ imageRef: '' }, 400, /boot/],
  ];
  for (const [more, status, says] of table) {
    const { status: got, body } = await at.member.request('POST', path, { body: at.ask('x', more) });
    deepEqual([got, says.test(JSON.stringify(body))], [status, true], JSON.stringify([more, body]));
  }
  await nothingLeft(at.cloud, at.admin);
});

test('servers belong to a project', async () => {
  await using at = await ready();
  const id = await at.create('mine');
  const other = at.cloud.as('other');
  await other.get(`${path}/${id}`, 404);
  await other.delete(`${path}/${id}`, 404);
  await other.post(`${path}/${id}/action`, { 'os-stop': null }, 404);
  await at.cloud.as('reader').delete(`${path}/${id}`, 403);
  await at.cloud.anonymous().get(`${path}/${id}`, 401);
});

test('a dry run makes nothing', async () => {
  await using at = await ready();
  const answer = await at.member.request('POST', path, { body: at.ask('perhaps'), headers: { 'x-dry-run': 'true' } });
  equal(answer.status, 202);
  await at.cloud.settle();
  await nothingLeft(at.cloud, at.admin);
});

test('a locked server is its owner’s to unlock, but for an administrator’s lock', async () => {
  await using at = await ready();
  const id = await at.create('safe');
  await at.act(id, { lock: { locked_reason: 'do not touch' } });
  await at.act(id, { 'os-stop': null }, 409);
  await at.member.delete(`${path}/${id}`, 409);
  equal((await at.show(id)).locked_reason, 'do not touch');
  await at.act(id, { unlock: null });
  await at.admin.post(`${path}/${id}/action`, { lock: null }, 202);
  await at.act(id, { unlock: null }, 403);
});

test('metadata and tags', async () => {
  await using at = await ready();
  const id = await at.create('labelled', { metadata: { a: '1' } });
  await at.member.post(`${path}/${id}/metadata`, { metadata: { b: '2' } }, 200);
  deepEqual((await at.member.get(`${path}/${id}/metadata`)).metadata, { a: '1', b: '2' });
  await at.member.put(`${path}/${id}/metadata/a`, { meta: { a: '3' } });
  await at.member.put(`${path}/${id}/metadata/a`, { meta: { b: '3' } }, 400);
  await at.member.delete(`${path}/${id}/metadata/b`);
  await at.member.delete(`${path}/${id}/metadata/b`, 404);
  await at.cloud.settle();
  deepEqual(at.cloud.hosts[0]!.machine.guests.get(`server/${id}`)!.entry.instanceData.metaData['meta'], { a: '3' });
  await at.member.put(`${path}/${id}/tags/blue`, undefined, 201);
  await at.member.put(`${path}/${id}/tags/blue`, undefined, 204);
  await at.member.put(`${path}/${id}/tags`, { tags: ['x', 'blue'] });
  deepEqual((await at.member.get(`${path}/${id}/tags`)).tags, ['blue', 'x']);
  await at.member.delete(`${path}/${id}/tags/none`, 404);
  await at.member.delete(`${path}/${id}/tags`);
});

test('interfaces come and go while it runs', async () => {
  await using at = await ready();
  const id = await at.create('wired');
  const nics = () => at.cloud.hosts[0]!.machine.guests.get(`server/${id}`)!.entry.nics.map(nic => nic.portId);
  const second = await someNetwork(at.member, 'second', '10.8.0.0/24');
  const { interfaceAttachment: made } = await at.member.post(
    `${path}/${id}/os-interface`,
    { interfaceAttachment: { net_id: second, fixed_ips: [{ ip_address: '10.8.0.77' }], tag: 'back' } },
    200,
  );
  await at.cloud.settle();
  equal(nics()[1], made.port_id);
  const { interfaceAttachments } = await at.member.get(`${path}/${id}/os-interface`);
  deepEqual(
    interfaceAttachments.map((one: { tag: string | null }) => one.tag),
    [null, 'back'],
  );
  deepEqual(Object.keys((await at.member.get(`${path}/${id}/ips`)).addresses), ['net', 'second']);
  await at.member.delete(`${path}/${id}/os-interface/${made.port_id}`, 202);
  await at.cloud.settle();
  equal(nics().length, 1);
  await at.member.get(`/network/v2.0/ports/${made.port_id}`, 404);
  const { port } = await at.member.post('/network/v2.0/ports', { port: { network_id: second } });
  await at.member.post(`${path}/${id}/os-interface`, { interfaceAttachment: { port_id: port.id } }, 200);
  await at.cloud.settle();
  await at.member.delete(`${path}/${id}`);
  await at.cloud.settle();
  deepEqual([(await at.member.get(`/network/v2.0/ports/${port.id}`)).port.device_id], ['']);
  await nothingLeft(at.cloud, at.admin);
});

test('a rebuild keeps id and ports and makes the disk anew', async () => {
  await using at = await ready();
  const id = await at.create('again');
  const before = await at.show(id);
  const other = await someImage(at.admin);
  const { server } = await at.member.post(`${path}/${id}/action`, { rebuild: { imageRef: other, name: 'anew' } }, 202);
  deepEqual([server.status, server.name, server.adminPass.length], ['REBUILD', 'anew', 12]);
  await at.cloud.settle();
  const after = await at.show(id);
  deepEqual([after.status, after.image.id, after.addresses], ['ACTIVE', other, before.addresses]);
  equal(at.cloud.hosts[0]!.machine.guests.get(`server/${id}`)!.rootGeneration, 1);
});

test('groups keep servers apart or together, also when asked for at once', async () => {
  await using at = await ready({ hosts: 2 });
  const make = async (policy: string) =>
    (await at.member.post('/compute/v2.1/os-server-groups', { server_group: { name: policy, policy } }, 200))
      .server_group.id as string;
  const apart = await make('anti-affinity');
  const bodies = ['a', 'b', 'c'].map(name => ({ ...at.ask(name), 'os:scheduler_hints': { group: apart } }));
  const answers = await Promise.all(bodies.map(body => at.member.post(path, body, 202)));
  await at.cloud.settle();
  const shown = await Promise.all(answers.map(answer => at.show(answer.server.id)));
  deepEqual(shown.map((server): string => server.status).toSorted(), ['ACTIVE', 'ACTIVE', 'ERROR']);
  equal(
    new Set(shown.filter(server => server.status === 'ACTIVE').map(server => server['OS-EXT-SRV-ATTR:host'])).size,
    2,
  );
  match(shown.find(server => server.status === 'ERROR').fault.message, /ServerGroupAntiAffinity refused 2 of 2/);
  const together = await make('affinity');
  const ids = [];
  for (const name of ['d', 'e', 'f'])
    ids.push(await at.create(name, {}, { 'os:scheduler_hints': { group: together } }));
  const hosts = await Promise.all(ids.map(async id => (await at.show(id))['OS-EXT-SRV-ATTR:host']));
  equal(new Set(hosts).size, 1);
  deepEqual((await at.member.get(`/compute/v2.1/os-server-groups/${together}`)).server_group.members, ids);
});

test('an agent that restarts at any time finds its guests again', async () => {
  await using at = await ready();
  const { server } = await at.member.post(path, at.ask('steady'), 202);
  await at.cloud.hosts[0]!.restartAgent();
  await at.cloud.settle();
  const { starts } = at.cloud.hosts[0]!.machine.guests.get(`server/${server.id}`)!;
  await at.cloud.hosts[0]!.restartAgent();
  await at.cloud.settle();
  deepEqual(
    [(await at.show(server.id)).status, at.cloud.hosts[0]!.machine.guests.get(`server/${server.id}`)!.starts],
    ['ACTIVE', starts],
  );
});
