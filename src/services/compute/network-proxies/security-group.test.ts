import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const path = '/compute/v2.1/os-security-groups';
const rules = '/compute/v2.1/os-security-group-rules';

test('security groups through compute: made, changed, listed, deleted, and the same in the network service', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const names = async (who = member, query = ''): Promise<string[]> =>
    (await who.get(`${path}${query}`)).security_groups.map((group: { name: string }) => group.name);
  deepEqual(await names(), ['default']);
  const made = await member.post(path, { security_group: { name: ' web ', description: 'pages' } }, 200);
  const { id } = made.security_group;
  deepEqual(made.security_group, { id, name: 'web', description: 'pages', tenant_id: member.projectId, rules: [] });
  equal((await member.get(`/network/v2.0/security-groups/${id}`)).security_group.name, 'web');
  const changed = await member.put(`${path}/${id}`, { security_group: { name: 'www', description: '' } }, 200);
  equal(changed.security_group.name, 'www');
  deepEqual((await names()).sort(), ['default', 'www']);
  equal((await names(member, '?limit=1')).length, 1);
  ok(!(await names(other)).includes('www'));
  ok((await names(cloud.as('admin'), '?all_tenants=1')).includes('www'));
  await other.get(`${path}/${id}`, 404);
  await other.delete(`${path}/${id}`, 404);
  await cloud.as('reader').delete(`${path}/${id}`, 403);
  await member.delete(`${path}/${id}`, 202);
  await member.get(`${path}/${id}`, 404);
});

test('rules through compute are what they are in the network service', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const group = async (name: string): Promise<string> =>
    (await member.post(path, { security_group: { name, description: '' } }, 200)).security_group.id;
  const [web, db] = [await group('web'), await group('db')];
  const ask = { parent_group_id: web, ip_protocol: 'tcp', from_port: 80, to_port: '81', cidr: '10.0.0.0/8' };
  const { security_group_rule: rule } = await member.post(rules, { security_group_rule: ask }, 200);
  deepEqual(rule, {
    id: rule.id,
    parent_group_id: web,
    ip_protocol: 'tcp',
    from_port: 80,
    to_port: 81,
    group: {},
    ip_range: { cidr: '10.0.0.0/8' },
  });
  const seen = (await member.get(`/network/v2.0/security-group-rules/${rule.id}`)).security_group_rule;
  deepEqual([seen.direction, seen.port_range_max, seen.remote_ip_prefix], ['ingress', 81, '10.0.0.0/8']);
  await member.post(rules, { security_group_rule: ask }, 400);
  const ping = { parent_group_id: web, ip_protocol: 'icmp', from_port: -1, to_port: -1, group_id: db };
  const { security_group_rule: second } = await member.post(rules, { security_group_rule: ping }, 200);
  deepEqual([second.from_port, second.group, second.ip_range], [-1, { name: 'db', tenant_id: member.projectId }, {}]);
  // Made in the same instant of the still clock: their order is the engine's.
  const listed = (await member.get(`${path}/${web}`)).security_group.rules as { from_port: number }[];
  deepEqual(
    listed.sort((a, b) => b.from_port - a.from_port),
    [rule, second],
  );
  await cloud.as('other').delete(`${rules}/${rule.id}`, 404);
  await member.delete(`${rules}/${rule.id}`, 202);
  await member.delete(`${rules}/${rule.id}`, 404);
});

test('what compute refuses of security groups', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const [standard] = (await member.get(path)).security_groups;
  for (const body of [{}, { name: 'x' }, { name: ' ', description: '' }, { name: 7, description: '' }])
    await member.post(path, { security_group: body }, 400);
  await member.post(path, { security_group: { name: 'default', description: '' } }, 400);
  await member.put(`${path}/${standard.id}`, { security_group: { name: 'mine', description: '' } }, 400);
  await member.delete(`${path}/${standard.id}`, 400);
  await member.get(`${path}/default`, 404);
  const rule = { parent_group_id: standard.id, ip_protocol: 'tcp', from_port: 1, to_port: 2 };
  for (const change of [{ cidr: 'nonsense' }, { ip_protocol: 'xyz' }, { from_port: 9 }, { to_port: '99999' }])
    await member.post(rules, { security_group_rule: { ...rule, ...change } }, 400);
  await member.post(rules, { security_group_rule: { ...rule, parent_group_id: 'none' } }, 404);
  const newer = member.with({ 'openstack-api-version': 'compute 2.36' });
  await newer.get(path, 404);
});
