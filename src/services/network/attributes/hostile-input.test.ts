// Whatever is sent for whichever attribute: a refusal or a success, never a server error.

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';
const odd: unknown[] = [
  null, 0, -1, 1.5, 1e300, '', ' ', 'x', 'x'.repeat(300), '\u0000', true, {}, [], [[]], [{}], [null], [1], ['x'], { toString: 1 }, { length: 3 },
  [{ toString: 1 }], '10.0.0.0/8', '::/0', '255.255.255.255', [{ ip_address: '10.1.0.3', subnet_id: 'x' }], [{ start: '10.1.0.5', end: '10.1.0.2' }],
  { network_id: 'x' }, '00000000-0000-4000-8000-000000000000', { network_id: '00000000-0000-4000-8000-000000000000', external_fixed_ips: [{}] },
]; // biome-ignore format: a table

test('hostile values of every attribute', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 61 });
  const admin = cloud.as('admin');
  const { network } = await admin.post(`${v2}/networks`, { network: {} }, 201);
  const { subnet } = await admin.post(
    `${v2}/subnets`,
    { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } },
    201,
  );
  const { port } = await admin.post(`${v2}/ports`, { port: { network_id: network.id } }, 201);
  const { router } = await admin.post(`${v2}/routers`, { router: {} }, 201);
  const { security_group: group } = await admin.post(`${v2}/security-groups`, { security_group: { name: 'g' } }, 201);
  const { networks: external } = await admin.get(`${v2}/networks?router:external=true`);
  const { floatingip } = await admin.post(
    `${v2}/floatingips`,
    { floatingip: { floating_network_id: external[0].id } },
    201,
  );
  const { subnetpool } = await admin.post(
    `${v2}/subnetpools`,
    { subnetpool: { name: 'p', prefixes: ['10.9.0.0/16'] } },
    201,
  );
  const kinds: [string, string, Record<string, unknown>, { id: string }][] = [
    ['networks', 'network', {}, network],
    ['subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.2.0.0/24' }, subnet],
    ['ports', 'port', { network_id: network.id }, port],
    ['routers', 'router', {}, router],
    ['floatingips', 'floatingip', { floating_network_id: external[0].id }, floatingip],
    ['security-groups', 'security_group', { name: 'x' }, group],
    ['security-group-rules', 'security_group_rule', { security_group_id: group.id, direction: 'ingress' }, { id: 'x' }],
    ['subnetpools', 'subnetpool', { name: 'q', prefixes: ['10.9.0.0/16'] }, subnetpool],
    [
      'rbac-policies',
      'rbac_policy',
      { object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: 'x' },
      { id: 'x' },
    ],
    ['address-groups', 'address_group', {}, { id: 'x' }],
  ];
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const { status } = await admin.request(method, `${v2}/${path}`, { body });
    ok(status < 500, `${method} ${path} ${JSON.stringify(body)?.slice(0, 200)} answered ${status}`);
  };
  for (const [path, singular, base, existing] of kinds) {
    const shown = await admin.get(`${v2}/${path}?limit=1`);
    const row = shown[path.replaceAll('-', '_')]?.[0] ?? {};
    const names = [
      ...new Set([...Object.keys(row), ...Object.keys(base), 'prefixlen', 'subnet_id', 'routes', 'constructor']),
    ];
    for (const value of odd) {
      await send('POST', path, { [singular]: value });
      for (const name of names) {
        await send('POST', path, { [singular]: { ...base, [name]: value } });
        if (!['network_id', 'shared'].includes(name))
          await send('PUT', `${path}/${existing.id}`, { [singular]: { [name]: value } });
      }
    }
  }
  for (const value of odd) {
    for (const action of ['add_router_interface', 'remove_router_interface'])
      for (const name of ['subnet_id', 'port_id'])
        await send('PUT', `routers/${router.id}/${action}`, { [name]: value });
    for (const action of ['add_extraroutes', 'remove_extraroutes'])
      await send('PUT', `routers/${router.id}/${action}`, { router: { routes: value } });
    await send('PUT', `quotas/${admin.projectId}`, { quota: { port: value } });
    await send('PUT', `networks/${network.id}/tags`, { tags: value });
    await send('POST', `floatingips/${floatingip.id}/port_forwardings`, {
      port_forwarding: {
        external_port: value,
        internal_port: value,
        internal_ip_address: value,
        internal_port_id: value,
        protocol: 'tcp',
      },
    });
  }
  for (const query of [
    'limit=-1',
    'limit=x',
    'marker=x',
    'sort_key=x',
    'sort_dir=x',
    'fields=x',
    'fixed_ips=x',
    'fixed_ips=ip_address',
    'tags=',
    'changed_since=x',
    'id=%00',
    'sort_key=fixed_ips',
  ])
    await send('GET', `ports?${query}`, undefined);
});
