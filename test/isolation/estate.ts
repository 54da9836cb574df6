// Things of the member's project, made as users make them, and where in URLs they are named. A new resource joins by a line
// in `makers`; what has no line is named by a random id in the generated tests.

import { equal } from 'node:assert/strict';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import type { TestClient, TestCloud } from '../test-cloud.ts';

export interface Thing {
  id: string;
  /** Where its owner sees it. */
  view?: string;
  /** Strangers must not know that it exists. False: it belongs to all, or to the cloud. */
  secret: boolean;
}

/** `network /v2.0/networks/{}` → the thing that such a URL names. */
export type Estate = Map<string, Thing>;

interface Makers {
  cloud: TestCloud;
  admin: TestClient;
  member: TestClient;
  estate: Estate;
  /** The id of a thing that was made before. */
  id(at: string): string;
}

interface Maker {
  at: string;
  secret?: boolean;
  make(makers: Makers): Promise<string>;
  /** The view's path where it is not the service's prefix and `at`. */
  view?: string | null;
}

/** Creates over `POST /<service><path>` and reads the id. */
function created(
  at: string,
  body: (makers: Makers) => unknown,
  more: Pick<Maker, 'view'> & { as?: 'admin' } = {},
): Maker {
  const [service = '', path = ''] = at.split(' ');
  return {
    at,
    view: more.view,
    async make(makers) {
      const url = filled(`/${service}${path.replace(/\/\{\}$/, '')}`, makers.estate, service);
      const asked = body(makers) as Record<string, unknown>;
      const answer = await makers[more.as ?? 'member'].request('POST', url, { body: asked });
      equal(Math.floor(answer.status / 100), 2, `POST ${url}: ${answer.status} ${JSON.stringify(answer.body)}`);
      const made = answer.body[Object.keys(asked)[0]!] ?? answer.body;
      return made.id ?? made.name;
    },
  };
}

const makers: Maker[] = [
  { at: 'identity /v3/projects/{}', make: async ({ member }) => member.projectId, view: null },
  { at: 'identity /v3/users/{}', make: async ({ member }) => member.userId },
  { at: 'identity /v3/domains/{}', secret: false, make: async () => 'default', view: null },
  { at: 'identity /v3/system/users/{}', make: async ({ member }) => member.userId, view: null },
  {
    at: 'identity /v3/roles/{}',
    secret: false,
    view: null,
    make: async ({ admin }) => (await admin.get('/identity/v3/roles?name=member')).roles[0].id,
  },
  created('identity /v3/groups/{}', () => ({ group: { name: 'isolation' } }), { as: 'admin', view: null }),
  created('identity /v3/credentials/{}', ({ member }) => ({
    credential: { type: 'cert', blob: 'private', user_id: member.userId },
  })),
  {
    at: 'identity /v3/users/{}/credentials/OS-EC2/{}',
    async make({ member }) {
      const { credential } = await member.post(`/identity/v3/users/${member.userId}/credentials/OS-EC2`, {
        tenant_id: member.projectId,
      });
      return credential.access;
    },
  },
  created('identity /v3/users/{}/application_credentials/{}', () => ({
    application_credential: {
      name: 'isolation',
      access_rules: [{ path: '/v2.1/servers', method: 'GET', service: 'compute' }],
    },
  })),
  {
    at: 'identity /v3/users/{}/access_rules/{}',
    make: async ({ member }) =>
      (await member.get(`/identity/v3/users/${member.userId}/access_rules`)).access_rules[0].id,
  },
  created('identity /v3/OS-TRUST/trusts/{}', ({ cloud, member }) => ({
    trust: {
      trustor_user_id: member.userId,
      trustee_user_id: cloud.as('manager').userId,
      project_id: member.projectId,
      impersonation: false,
      roles: [{ name: 'member' }],
    },
  })),
  {
    at: 'image /v2/images/{}',
    async make({ member }) {
      const image = await member.post('/image/v2/images', {
        name: 'private',
        disk_format: 'raw',
        container_format: 'bare',
        visibility: 'private',
      });
      const headers = { 'content-type': 'application/octet-stream' };
      const raw = Buffer.alloc(1_024, 'secret');
      const put = await member.request('PUT', `/image/v2/images/${image.id}/file`, { raw, headers });
      equal(put.status, 204);
      return image.id;
    },
  },
  created('network /v2.0/networks/{}', () => ({ network: { name: 'private' } })),
  created('network /v2.0/subnetpools/{}', () => ({
    subnetpool: { name: 'private', prefixes: ['10.60.0.0/16'], default_prefixlen: 24 },
  })),
  created('network /v2.0/subnets/{}', ({ id }) => ({
    subnet: { network_id: id('network /v2.0/networks/{}'), ip_version: 4, cidr: '10.61.0.0/24' },
  })),
  created('network /v2.0/security-groups/{}', () => ({ security_group: { name: 'private' } })),
  created('network /v2.0/security-group-rules/{}', ({ id }) => ({
    security_group_rule: {
      security_group_id: id('network /v2.0/security-groups/{}'),
      direction: 'ingress',
      protocol: 'tcp',
    },
  })),
  created('network /v2.0/address-groups/{}', () => ({
    address_group: { name: 'private', addresses: ['10.9.9.0/24'] },
  })),
  created('network /v2.0/ports/{}', ({ id }) => ({ port: { network_id: id('network /v2.0/networks/{}') } })),
  {
    at: 'network external',
    secret: false,
    view: null,
    async make({ admin }) {
      const { networks } = await admin.get('/network/v2.0/networks?router:external=true');
      if (networks.length) return networks[0].id;
      const { network } = await admin.post('/network/v2.0/networks', {
        network: { name: 'outside', 'router:external': true },
      });
      const subnet = { network_id: network.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false };
      await admin.post('/network/v2.0/subnets', { subnet });
      return network.id;
    },
  },
  created('network /v2.0/routers/{}', ({ id }) => ({
    router: { name: 'private', external_gateway_info: { network_id: id('network external') } },
  })),
  {
    at: 'network interface of the router',
    view: null,
    async make({ member, id }) {
      const path = `/network/v2.0/routers/${id('network /v2.0/routers/{}')}/add_router_interface`;
      return (await member.put(path, { subnet_id: id('network /v2.0/subnets/{}') })).port_id;
    },
  },
  created('network /v2.0/floatingips/{}', ({ id }) => ({
    floatingip: { floating_network_id: id('network external') },
  })),
  {
    at: 'network /v2.0/floatingips/{}/port_forwardings/{}',
    async make({ member, id }) {
      const { port } = await member.get(`/network/v2.0/ports/${id('network /v2.0/ports/{}')}`);
      const path = `/network/v2.0/floatingips/${id('network /v2.0/floatingips/{}')}/port_forwardings`;
      const { port_forwarding: made } = await member.post(path, {
        port_forwarding: {
          internal_port_id: port.id,
          internal_ip_address: port.fixed_ips[0].ip_address,
          protocol: 'tcp',
          internal_port: 80,
          external_port: 8080,
        },
      });
      return made.id;
    },
  },
  created('network /v2.0/rbac-policies/{}', ({ member, id }) => ({
    rbac_policy: {
      object_type: 'network',
      object_id: id('network /v2.0/networks/{}'),
      action: 'access_as_shared',
      target_tenant: member.projectId,
    },
  })),
  { at: 'network /v2.0/quotas/{}', view: null, make: async ({ member }) => member.projectId },
  {
    at: 'compute /v2.1/flavors/{}',
    secret: false,
    view: null,
    make: async ({ member }) => (await member.get('/compute/v2.1/flavors')).flavors[0].id,
  },
  created('compute /v2.1/os-keypairs/{}', () => ({ keypair: { name: 'private-key' } })),
  created('compute /v2.1/os-server-groups/{}', () => ({
    server_group: { name: 'private', policies: ['anti-affinity'] },
  })),
  {
    at: 'compute /v2.1/servers/{}',
    async make({ cloud, member, id }) {
      const { server } = await member.post(
        '/compute/v2.1/servers',
        {
          server: {
            name: 'private',
            imageRef: id('image /v2/images/{}'),
            flavorRef: id('compute /v2.1/flavors/{}'),
            networks: [{ uuid: id('network /v2.0/networks/{}') }],
            metadata: { private: 'yes' },
          },
        },
        202,
      );
      await cloud.settle();
      equal((await member.get(`/compute/v2.1/servers/${server.id}`)).server.status, 'ACTIVE');
      return server.id;
    },
  },
  {
    at: 'compute /v2.1/servers/{}/os-interface/{}',
    make: async ({ member, id }) =>
      (await member.get(`/compute/v2.1/servers/${id('compute /v2.1/servers/{}')}/os-interface`)).interfaceAttachments[0]
        .port_id,
  },
  {
    at: 'compute /v2.1/servers/{}/os-instance-actions/{}',
    make: async ({ member, id }) =>
      (await member.get(`/compute/v2.1/servers/${id('compute /v2.1/servers/{}')}/os-instance-actions`))
        .instanceActions[0].request_id,
  },
  { at: 'compute /v2.1/servers/{}/metadata/{}', make: async () => 'private' },
  { at: 'compute /v2.1/os-quota-sets/{}', make: async ({ member }) => member.projectId },
  { at: 'volume /v3/{}', make: async ({ member }) => member.projectId, view: null },
  {
    at: 'volume /v3/{}/volumes/{}',
    async make({ cloud, member }) {
      const { volume } = await member.post(
        '/volume/v3/{project}/volumes',
        { volume: { size: 1, name: 'private', metadata: { private: 'yes' } } },
        202,
      );
      await cloud.settle();
      return volume.id;
    },
  },
  { at: 'volume /v3/{}/volumes/{}/metadata/{}', make: async () => 'private' },
  {
    at: 'volume /v3/{}/snapshots/{}',
    async make({ cloud, member, id }) {
      const snapshot = { volume_id: id('volume /v3/{}/volumes/{}'), name: 'private', metadata: { private: 'yes' } };
      const answer = await member.post('/volume/v3/{project}/snapshots', { snapshot }, 202);
      await cloud.settle();
      return answer.snapshot.id;
    },
  },
  { at: 'volume /v3/{}/snapshots/{}/metadata/{}', make: async () => 'private' },
  {
    at: 'volume /v3/{}/os-volume-transfer/{}',
    async make({ cloud, member }) {
      const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
      await cloud.settle();
      const { transfer } = await member.post(
        '/volume/v3/{project}/os-volume-transfer',
        { transfer: { volume_id: volume.id, name: 'private' } },
        202,
      );
      return transfer.id;
    },
  },
];

/** Makes what the services that are there can make. */
export async function makeEstate(cloud: TestCloud): Promise<Estate> {
  const estate: Estate = new Map();
  const paths = new Set(
    cloud.cloud.services.flatMap(service => service.endpoints.map(({ path }) => `${service.name} ${shapeOf(path)}`)),
  );
  const id = (at: string): string => {
    const thing = estate.get(at);
    if (!thing) throw new Error(`nothing was made for ${at}`);
    return thing.id;
  };
  for (const { at, secret = true, make, view } of makers) {
    const [service = '', path = ''] = at.split(' ');
    const isUrl = path.startsWith('/');
    if (
      isUrl
        ? ![...paths].some(known => known.startsWith(at))
        : !cloud.cloud.services.some(({ name }) => name === service)
    )
      continue;
    const made = await make({ cloud, admin: cloud.as('admin'), member: cloud.as('member'), estate, id });
    estate.set(at, { id: made, secret });
    if (isUrl && secret && view !== null && paths.has(at))
      estate.get(at)!.view = view ?? filled(`/${service}${path}`, estate, service);
  }
  await cloud.settle();
  return estate;
}

export function shapeOf(path: string): string {
  return path.replaceAll(/\{\w+\*?\}/g, '{}');
}

/** The path with each `{}` replaced by the id of the thing that it names. */
function filled(path: string, estate: Estate, service: string): string {
  let done = '';
  let shape = '';
  for (const part of path.slice(service.length + 1).split(/(\{\})/)) {
    shape += part;
    done += part === '{}' ? encodeURIComponent(estate.get(`${service} ${shape}`)?.id ?? '{}') : part;
  }
  return `/${service}${done}`;
}

/** What a URL names: by its whole path, or else by the word before the id. */
function thingAt(service: Service, shape: string, estate: Estate): Thing | undefined {
  const exact = estate.get(`${service.name} ${shape}`);
  const word = /\/[\w-]+\/\{\}$/.exec(shape)?.[0];
  if (exact || !word || /metadata|tags/.test(word)) return exact;
  for (const [at, thing] of estate) if (at.startsWith(`${service.name} `) && at.endsWith(word)) return thing;
  return undefined;
}

/** An id in the form of another, so that answers to both can be compared letter by letter. */
function likeId(id: string | undefined, uuid: string): string {
  return id && /^[0-9a-f]{32}$/.test(id) ? uuid.replaceAll('-', '') : uuid;
}

export interface Target {
  /** With the owner's things. */
  path: string;
  /** The same with random ids in the place of what strangers must not know. */
  missing: string;
  /** Whether the URL names one of the owner's secret things. */
  secret: boolean;
  /** The last id in it, and the one in its place. */
  ids: [string, string][];
}

/** The URL of an endpoint, naming the owner's things. `random` gives ids that nothing has. */
export function targetOf(service: Service, endpoint: Endpoint, estate: Estate, random: () => string): Target {
  let shape = '';
  let path = '';
  let missing = '';
  let secret = false;
  const ids: [string, string][] = [];
  for (const part of endpoint.path.split(/(\{\w+\*?\})/)) {
    if (!part.startsWith('{')) {
      shape += part;
      path += part;
      missing += part;
      continue;
    }
    shape += '{}';
    const thing = thingAt(service, shape, estate);
    const other = likeId(thing?.id, random());
    path += encodeURIComponent(thing?.id ?? other);
    missing += encodeURIComponent(thing?.secret || !thing ? other : thing.id);
    if (thing?.secret) {
      secret = true;
      ids.push([thing.id, other]);
    }
  }
  return { path: `/${service.name}${path}`, missing: `/${service.name}${missing}`, secret, ids };
}
