// Bodies that name another project's things: refused, just as if the things were not there, and nothing of them changes.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newUuid } from '#/platform/clock/clock.ts';
import { seededRandom } from '../seeded-random.ts';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';
import { type Estate, makeEstate } from './estate.ts';

const random = seededRandom(12);

interface Own {
  network: string;
  subnet: string;
  port: string;
  router: string;
  group: string;
  addressGroup: string;
  floatingIp: string;
  image: string;
  server: string;
  volume: string;
}

interface Reference {
  what: string;
  /** The thing that the body names; a random id takes its place for comparison. */
  of: string;
  call(own: Own): [method: string, path: string, body: (id: string) => unknown];
  versions?: Record<string, string>;
}

const network = 'network /v2.0/networks/{}';
const subnet = 'network /v2.0/subnets/{}';
const port = 'network /v2.0/ports/{}';
const group = 'network /v2.0/security-groups/{}';
const volume = 'volume /v3/{}/volumes/{}';
const snapshot = 'volume /v3/{}/snapshots/{}';
const image = 'image /v2/images/{}';

const boots =
  (more: (own: Own, id: string) => object): Reference['call'] =>
  own => [
    'POST',
    '/compute/v2.1/servers',
    id => ({
      server: { name: 'x', flavorRef: '1', imageRef: own.image, networks: [{ uuid: own.network }], ...more(own, id) },
    }),
  ];
const device =
  (source_type: string, more: object = {}) =>
  (own: Own, id: string) => ({
    block_device_mapping_v2: [
      { source_type: 'image', uuid: own.image, boot_index: 0, destination_type: 'local' },
      { source_type, uuid: id, boot_index: -1, destination_type: 'volume', ...more },
    ],
  });
const posts =
  (path: string, body: (own: Own, id: string) => unknown): Reference['call'] =>
  own => ['POST', path, id => body(own, id)];
const puts =
  (path: (own: Own) => string, body: (own: Own, id: string) => unknown): Reference['call'] =>
  own => ['PUT', path(own), id => body(own, id)];

const references: Reference[] = [
  { what: 'a port on it', of: network, call: posts('/network/v2.0/ports', (_, id) => ({ port: { network_id: id } })) },
  {
    what: 'a subnet on it',
    of: network,
    call: posts('/network/v2.0/subnets', (_, id) => ({
      subnet: { network_id: id, ip_version: 4, cidr: '10.99.0.0/24' },
    })),
  },
  {
    what: 'a gateway on it',
    of: network,
    call: posts('/network/v2.0/routers', (_, id) => ({ router: { external_gateway_info: { network_id: id } } })),
  },
  {
    what: 'a floating IP on it',
    of: network,
    call: posts('/network/v2.0/floatingips', (_, id) => ({ floatingip: { floating_network_id: id } })),
  },
  {
    what: 'a policy that shares it',
    of: network,
    call: posts('/network/v2.0/rbac-policies', (_, id) => ({
      rbac_policy: { object_type: 'network', object_id: id, action: 'access_as_shared', target_tenant: 'x' },
    })),
  },
  {
    what: 'an address of it',
    of: subnet,
    call: posts('/network/v2.0/ports', (own, id) => ({
      port: { network_id: own.network, fixed_ips: [{ subnet_id: id }] },
    })),
  },
  {
    what: 'an interface on it',
    of: subnet,
    call: puts(
      own => `/network/v2.0/routers/${own.router}/add_router_interface`,
      (_, id) => ({ subnet_id: id }),
    ),
  },
  {
    what: 'an interface that is it',
    of: port,
    call: puts(
      own => `/network/v2.0/routers/${own.router}/add_router_interface`,
      (_, id) => ({ port_id: id }),
    ),
  },
  {
    what: 'an interface taken from it',
    of: port,
    call: puts(
      own => `/network/v2.0/routers/${own.router}/remove_router_interface`,
      (_, id) => ({ port_id: id }),
    ),
  },
  {
    what: 'a floating IP that leads to it',
    of: port,
    call: puts(
      own => `/network/v2.0/floatingips/${own.floatingIp}`,
      (_, id) => ({ floatingip: { port_id: id } }),
    ),
  },
  {
    what: 'a forwarding to it',
    of: port,
    call: own => [
      'POST',
      `/network/v2.0/floatingips/${own.floatingIp}/port_forwardings`,
      id => ({
        port_forwarding: {
          internal_port_id: id,
          internal_ip_address: '10.61.0.5',
          protocol: 'tcp',
          internal_port: 1,
          external_port: 2,
        },
      }),
    ],
  },
  {
    what: 'a port that it filters',
    of: group,
    call: posts('/network/v2.0/ports', (own, id) => ({ port: { network_id: own.network, security_groups: [id] } })),
  },
  {
    what: 'a port that it filters from now on',
    of: group,
    call: puts(
      own => `/network/v2.0/ports/${own.port}`,
      (_, id) => ({ port: { security_groups: [id] } }),
    ),
  },
  {
    what: 'a rule in it',
    of: group,
    call: posts('/network/v2.0/security-group-rules', (_, id) => ({
      security_group_rule: { security_group_id: id, direction: 'ingress' },
    })),
  },
  {
    what: 'a rule about it',
    of: group,
    call: posts('/network/v2.0/security-group-rules', (own, id) => ({
      security_group_rule: { security_group_id: own.group, direction: 'ingress', remote_group_id: id },
    })),
  },
  {
    what: 'a rule about it',
    of: 'network /v2.0/address-groups/{}',
    call: posts('/network/v2.0/security-group-rules', (own, id) => ({
      security_group_rule: { security_group_id: own.group, direction: 'ingress', remote_address_group_id: id },
    })),
  },
  {
    what: 'a subnet from it',
    of: 'network /v2.0/subnetpools/{}',
    call: posts('/network/v2.0/subnets', (own, id) => ({
      subnet: { network_id: own.network, ip_version: 4, subnetpool_id: id },
    })),
  },
  { what: 'a server on it', of: network, call: boots((_, id) => ({ networks: [{ uuid: id }] })) },
  { what: 'a server with it', of: port, call: boots((_, id) => ({ networks: [{ port: id }] })) },
  { what: 'a server that it filters', of: group, call: boots((_, id) => ({ security_groups: [{ name: id }] })) },
  { what: 'a server from it', of: image, call: boots((_, id) => ({ imageRef: id })) },
  { what: 'a server with it', of: 'compute /v2.1/os-keypairs/{}', call: boots((_, id) => ({ key_name: id })) },
  { what: 'a server with it', of: volume, call: boots(device('volume')) },
  { what: 'a server with a copy of it', of: snapshot, call: boots(device('snapshot', { volume_size: 1 })) },
  { what: 'a server with a volume of it', of: image, call: boots(device('image', { volume_size: 1 })) },
  {
    what: 'a server in it',
    of: 'compute /v2.1/os-server-groups/{}',
    call: own => [
      'POST',
      '/compute/v2.1/servers',
      id => ({
        server: { name: 'x', flavorRef: '1', imageRef: own.image, networks: [{ uuid: own.network }] },
        'os:scheduler_hints': { group: id },
      }),
    ],
  },
  {
    what: 'a server rebuilt from it',
    of: image,
    call: own => ['POST', `/compute/v2.1/servers/${own.server}/action`, id => ({ rebuild: { imageRef: id } })],
  },
  {
    what: 'a server that it filters from now on',
    of: group,
    call: own => ['POST', `/compute/v2.1/servers/${own.server}/action`, id => ({ addSecurityGroup: { name: id } })],
  },
  {
    what: 'an interface on it',
    of: network,
    call: own => [
      'POST',
      `/compute/v2.1/servers/${own.server}/os-interface`,
      id => ({ interfaceAttachment: { net_id: id } }),
    ],
  },
  {
    what: 'an interface that is it',
    of: port,
    call: own => [
      'POST',
      `/compute/v2.1/servers/${own.server}/os-interface`,
      id => ({ interfaceAttachment: { port_id: id } }),
    ],
  },
  {
    what: 'it attached',
    of: volume,
    call: own => [
      'POST',
      `/compute/v2.1/servers/${own.server}/os-volume_attachments`,
      id => ({ volumeAttachment: { volumeId: id } }),
    ],
  },
  {
    what: 'a volume from it',
    of: image,
    call: posts('/volume/v3/{project}/volumes', (_, id) => ({ volume: { size: 1, imageRef: id } })),
  },
  {
    what: 'a volume from it',
    of: snapshot,
    call: posts('/volume/v3/{project}/volumes', (_, id) => ({ volume: { size: 1, snapshot_id: id } })),
  },
  {
    what: 'a volume from it',
    of: volume,
    call: posts('/volume/v3/{project}/volumes', (_, id) => ({ volume: { size: 1, source_volid: id } })),
  },
  {
    what: 'a snapshot of it',
    of: volume,
    call: posts('/volume/v3/{project}/snapshots', (_, id) => ({ snapshot: { volume_id: id } })),
  },
  {
    what: 'a transfer of it',
    of: volume,
    call: posts('/volume/v3/{project}/os-volume-transfer', (_, id) => ({ transfer: { volume_id: id, name: 'x' } })),
  },
  {
    what: 'an attachment of it',
    of: volume,
    versions: { 'openstack-api-version': 'volume latest' },
    call: posts('/volume/v3/{project}/attachments', (own, id) => ({
      attachment: { volume_uuid: id, instance_uuid: own.server },
    })),
  },
  {
    what: 'a trust to its project',
    of: 'identity /v3/projects/{}',
    call: own => [
      'POST',
      '/identity/v3/OS-TRUST/trusts',
      id => ({
        trust: {
          trustor_user_id: own.server ? '{user}' : '',
          trustee_user_id: '{user}',
          project_id: id,
          impersonation: false,
          roles: [{ name: 'member' }],
        },
      }),
    ],
  },
  {
    what: 'a credential of that user',
    of: 'identity /v3/users/{}',
    call: posts('/identity/v3/credentials', (_, id) => ({ credential: { type: 'cert', blob: 'x', user_id: id } })),
  },
  {
    what: 'an EC2 key for its project',
    of: 'identity /v3/projects/{}',
    call: posts('/identity/v3/users/{user}/credentials/OS-EC2', (_, id) => ({ tenant_id: id })),
  },
];

/** Where a refusal of a foreign thing may differ from that of a missing one, and why. */
const tellsMore: Record<string, string> = {};

let cloud: TestCloud;
let estate: Estate;
let own: Own;
before(async () => {
  cloud = await testCloud({ hosts: 1, seed: 12, checkReplies: false });
  estate = await makeEstate(cloud);
  own = await ownThings(cloud.as('other'));
});
after(() => cloud[Symbol.asyncDispose]());

/** What the stranger has to hang foreign things on. */
async function ownThings(other: TestClient): Promise<Own> {
  const { network } = await other.post('/network/v2.0/networks', { network: {} });
  const { subnet } = await other.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.71.0.0/24' },
  });
  const { router } = await other.post('/network/v2.0/routers', { router: {} });
  const { security_group } = await other.post('/network/v2.0/security-groups', { security_group: { name: 'own' } });
  const { address_group } = await other.post('/network/v2.0/address-groups', { address_group: { name: 'own' } });
  const { floatingip } = await other.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: estate.get('network external')!.id },
  });
  const made = await other.post('/image/v2/images', { name: 'own', disk_format: 'raw', container_format: 'bare' });
  const headers = { 'content-type': 'application/octet-stream' };
  await other.request('PUT', `/image/v2/images/${made.id}/file`, { raw: Buffer.alloc(1_024, 1), headers });
  const { port } = await other.post('/network/v2.0/ports', { port: { network_id: network.id } });
  const { server } = await other.post(
    '/compute/v2.1/servers',
    { server: { name: 'own', imageRef: made.id, flavorRef: '1', networks: [{ uuid: network.id }] } },
    202,
  );
  const { volume } = await other.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  equal((await other.get(`/compute/v2.1/servers/${server.id}`)).server.status, 'ACTIVE');
  return {
    network: network.id,
    subnet: subnet.id,
    port: port.id,
    router: router.id,
    group: security_group.id,
    addressGroup: address_group.id,
    floatingIp: floatingip.id,
    image: made.id,
    server: server.id,
    volume: volume.id,
  };
}

/** What the owner sees of each thing. */
async function views(): Promise<unknown[]> {
  const member = cloud.as('member');
  const seen: unknown[] = [];
  for (const { view } of estate.values()) if (view) seen.push((await member.request('GET', view)).body);
  return seen;
}

for (const { what, of, call, versions } of references)
  test(`${what}: ${of.replace(/ \/v[\d.]+/, ' ')}`, async t => {
    const thing = estate.get(of);
    if (!thing) return t.skip('its service is not here');
    const other = cloud.as('other');
    const before = await views();
    const [method, path, body] = call(own);
    const uuid = newUuid(random);
    const missingId = /^[0-9a-f]{32}$/.test(thing.id) ? uuid.replaceAll('-', '') : uuid;
    const answers: string[] = [];
    for (const id of [thing.id, missingId]) {
      const text = JSON.stringify(body(id)).replaceAll('{user}', other.userId);
      const answer = await other.request(method, path.replace('{user}', other.userId), {
        raw: text,
        headers: { 'content-type': 'application/json', ...versions },
      });
      ok(
        [400, 403, 404, 409].includes(answer.status),
        `${id === thing.id ? 'foreign' : 'missing'}: ${answer.status} ${answer.bytes.toString().slice(0, 300)}`,
      );
      answers.push(
        `${answer.status} ${answer.bytes
          .toString()
          .replaceAll(id, 'ID')
          .replaceAll(/req-[0-9a-f-]{36}/g, 'REQUEST')}`,
      );
      await cloud.settle();
    }
    deepEqual(await views(), before);
    if (!(`${what}: ${of}` in tellsMore)) equal(answers[0], answers[1], 'the answer tells that it exists');
  });

test('device owners and ids of others are refused', async () => {
  const other = cloud.as('other');
  const attempts = [
    {
      network_id: own.network,
      device_owner: 'network:router_interface',
      device_id: estate.get('network /v2.0/routers/{}')!.id,
    },
    {
      network_id: own.network,
      device_id: estate.get('network /v2.0/routers/{}')!.id,
      device_owner: 'network:router_gateway',
    },
    { network_id: own.network, project_id: cloud.as('member').projectId },
    { network_id: own.network, tenant_id: cloud.as('member').projectId },
  ];
  const taken: string[] = [];
  for (const port of attempts) {
    const answer = await other.request('POST', '/network/v2.0/ports', { body: { port } });
    if (answer.status < 400) taken.push(JSON.stringify(port));
  }
  for (const [path, key] of [
    ['/network/v2.0/networks', 'network'],
    ['/network/v2.0/routers', 'router'],
    ['/network/v2.0/security-groups', 'security_group'],
  ] as const) {
    const answer = await other.request('POST', path, {
      body: { [key]: { name: 'x', tenant_id: cloud.as('member').projectId } },
    });
    if (answer.status < 400) taken.push(path);
  }
  const image = await other.request('POST', '/image/v2/images', {
    body: { name: 'x', owner: cloud.as('member').projectId },
  });
  if (image.status < 400) taken.push('image owner');
  deepEqual(taken, []);
});
