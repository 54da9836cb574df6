import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const base = '/compute/v2.1';

test('quotas are read, set, checked and reset', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.57' });
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.57' });
  const path = `${base}/os-quota-sets/${member.projectId}`;
  deepEqual((await member.get(path)).quota_set, {
    id: member.projectId,
    instances: 10,
    cores: 20,
    ram: 51200,
    metadata_items: 128,
    key_pairs: 100,
    server_groups: 10,
    server_group_members: 10,
  });
  await member.put(path, { quota_set: { cores: 1 } }, 403);
  await admin.put(path, { quota_set: { cores: 1, injected_files: 1 } }, 400);
  equal((await admin.put(path, { quota_set: { cores: '5', server_groups: 0 } })).quota_set.cores, 5);
  await member.post(`${base}/os-server-groups`, { server_group: { name: 'g', policies: ['affinity'] } }, 403);
  deepEqual((await member.get(`${path}/detail`)).quota_set.cores, { limit: 5, in_use: 0, reserved: 0 });
  equal((await member.get(`${path}/defaults`)).quota_set.cores, 20);
  await admin.put(`${base}/os-quota-class-sets/default`, { quota_class_set: { ram: 1024 } });
  equal((await member.get(path)).quota_set.ram, 1024);
  await admin.put(`${path}?user_id=${member.userId}`, { quota_set: { cores: 2 } });
  equal((await admin.get(`${path}?user_id=${member.userId}`)).quota_set.cores, 2);
  await admin.delete(path, 202);
  equal((await member.get(path)).quota_set.cores, 20);
  await admin.put(`${base}/os-quota-sets/none`, { quota_set: { cores: 1 } }, 400);
  await cloud.as('other').get(path, 403);
});

test('where clients begin', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const anonymous = cloud.anonymous();
  const { versions } = await anonymous.get('/compute');
  deepEqual(
    [versions[0].id, versions[0].status, versions[0].version, versions[0].min_version],
    ['v2.1', 'CURRENT', '2.96', '2.1'],
  );
  equal((await anonymous.get('/compute/v2.1')).version.links[0].href, `${cloud.url}/compute/v2.1/`);
  const member = cloud.as('member');
  await member.with({ 'openstack-api-version': 'compute 2.999' }).get(`${base}/flavors`, 406);
  const { status, headers } = await member.request('GET', `${base}/flavors`, {
    headers: { 'x-openstack-nova-api-version': '2.3' },
  });
  deepEqual(
    [status, headers['openstack-api-version'], headers['x-openstack-nova-api-version']],
    [200, 'compute 2.3', '2.3'],
  );
  const missing = await member.request('GET', `${base}/servers/none`);
  deepEqual(missing.body, { itemNotFound: { code: 404, message: 'Instance none could not be found.' } });
  const korean = await member.request('GET', `${base}/servers/none`, { headers: { 'accept-language': 'ko' } });
  equal(korean.body.itemNotFound.message, '인스턴스 none을(를) 찾을 수 없습니다.');
});
