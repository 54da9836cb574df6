// Security groups: what a rule may say, as a table, and their life as a story.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { createServerPort } from '#/services/network/contract.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';

test('groups and rules', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 41 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const { security_groups: first } = await member.get(`${v2}/security-groups`);
  deepEqual(
    first.map((one: { name: string }) => one.name),
    ['default'],
  );
  equal(first[0].security_group_rules.length, 4);
  const { security_group: group } = await member.post(
    `${v2}/security-groups`,
    { security_group: { name: 'web', description: 'd' } },
    201,
  );
  equal(group.security_group_rules.length, 2);
  equal(group.stateful, true);
  await other.get(`${v2}/security-groups/${group.id}`, 404);
  await member.post(`${v2}/security-groups`, { security_group: { name: 'default' } }, 409);
  await member.put(`${v2}/security-groups/${group.id}`, { security_group: { name: 'default' } }, 409);
  await member.put(`${v2}/security-groups/${first[0].id}`, { security_group: { name: 'x' } }, 409);
  await member.delete(`${v2}/security-groups/${first[0].id}`, 409);

  const rule = { security_group_id: group.id, direction: 'ingress' };
  const cases: [object, number, string?][] = [
    [{ protocol: 'tcp', port_range_min: 80, port_range_max: 80 }, 201],
    [{ protocol: 'tcp', port_range_min: 80, port_range_max: 80 }, 409, 'SecurityGroupRuleExists'],
    [
      { protocol: '6', port_range_min: 80, port_range_max: 80, remote_ip_prefix: '0.0.0.0/0' },
      409,
      'SecurityGroupRuleExists',
    ],
    [{ protocol: 17 }, 201],
    [{ protocol: 'icmp', port_range_min: 8, port_range_max: 0 }, 201],
    [{ protocol: 'icmp', port_range_max: 0 }, 400, 'SecurityGroupMissingIcmpType'],
    [{ protocol: 'icmp', port_range_min: 256 }, 400, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'ipv6-icmp', ethertype: 'IPv6', port_range_min: 128 }, 201],
    [{ protocol: 'icmpv6' }, 400, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ port_range_min: 1, port_range_max: 2 }, 400, 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'udp', port_range_min: 9, port_range_max: 2 }, 400, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'udp', port_range_min: 9 }, 400, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'udp', port_range_min: 9, port_range_max: 70_000 }, 400, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'esp', port_range_min: 9, port_range_max: 9 }, 400, 'SecurityGroupInvalidProtocolForPort'],
    [{ protocol: 'bad' }, 400, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: 300 }, 400, 'SecurityGroupRuleInvalidProtocol'],
    [{ ethertype: 'bad' }, 400, 'SecurityGroupRuleInvalidEtherType'],
    [{ remote_ip_prefix: '192.168.1./24' }, 400, 'InvalidInput'],
    [{ ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' }, 400, 'SecurityGroupRuleParameterConflict'],
    [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id }, 400, 'SecurityGroupRemoteGroupAndRemoteIpPrefix'],
    [{ remote_group_id: '00000000-0000-4000-8000-000000000000' }, 404, 'SecurityGroupNotFound'],
    [{ remote_group_id: group.id }, 201],
    [{ direction: 'sideways' }, 400, 'InvalidInput'],
    [{ security_group_id: '00000000-0000-4000-8000-000000000000' }, 404, 'SecurityGroupNotFound'],
  ];
  for (const [ask, status, type] of cases) {
    const answer = await member.request('POST', `${v2}/security-group-rules`, {
      body: { security_group_rule: { ...rule, ...ask } },
    });
    equal(`${answer.status} ${answer.body.NeutronError?.type}`, `${status} ${type}`, JSON.stringify(ask));
  }
  await other.post(`${v2}/security-group-rules`, { security_group_rule: { ...rule, protocol: 'tcp' } }, 404);
  const { security_group_rules: rules } = await member.get(
    `${v2}/security-group-rules?security_group_id=${group.id}&protocol=tcp`,
  );
  equal(rules.length, 1);
  await member.delete(`${v2}/security-group-rules/${rules[0].id}`, 204);
  await member.get(`${v2}/security-group-rules/${rules[0].id}`, 404);
  await member.delete(`${v2}/security-groups/${group.id}`, 204);
});

test('a host knows the members of a remote group wherever they are', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 42 });
  const member = cloud.as('member');
  const { networks } = await member.get(`${v2}/networks?name=private`);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const make = (serverId: string, host: string) =>
    cloud.db.write(tx =>
      createServerPort(tx, caller, { networkId: networks[0].id, serverId, serverName: serverId, host }),
    );
  const one = await make('one', 'host-1');
  await cloud.settle();
  const two = await make('two', 'host-2');
  await cloud.settle();
  const { security_groups: groups } = await member.get(`${v2}/security-groups?name=default`);
  const filters = cloud.hosts[0]!.machine.filters!;
  deepEqual(filters.groups, [
    { key: `security-group/${groups[0].id}`, addresses: [one, two].map(port => port.fixedIps[0]!.ip).sort() },
  ]);
  equal(filters.ports[0]!.rules.length, 4);
  equal((await member.request('DELETE', `${v2}/security-groups/${groups[0].id}`)).status, 409);
});

test('a deleted project leaves no default group behind', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 43 });
  const admin = cloud.as('admin');
  const { project } = await admin.post('/identity/v3/projects', { project: { name: 'short-lived' } }, 201);
  await admin.post(`${v2}/networks`, { network: { project_id: project.id } }, 201);
  const groups = async () => (await admin.get(`${v2}/security-groups?project_id=${project.id}`)).security_groups.length;
  equal(await groups(), 1);
  await admin.delete(`/identity/v3/projects/${project.id}`, 204);
  equal(await groups(), 0);
});
