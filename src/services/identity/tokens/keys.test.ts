// Rotated keys: tokens live on through one rotation, and end with the second.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

test('a token outlives one rotation of its key', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const rotate = (headers = {}) => admin.request('POST', '/identity/keys/rotate', { headers });
  const holds = async (): Promise<number> =>
    (
      await cloud
        .as('member')
        .request('GET', '/identity/v3/auth/tokens', { headers: { 'x-subject-token': cloud.as('member').token } })
    ).status;
  const fresh = async (): Promise<number> => {
    await cloud.advance(1_000);
    return holds();
  };
  equal((await cloud.as('member').request('POST', '/identity/keys/rotate')).status, 403);
  for (let at = 0; at < 4; at++) equal((await rotate({ 'x-dry-run': 'true' })).status, 202);
  equal(await fresh(), 200, 'only tried');
  equal((await rotate()).status, 202);
  equal(await fresh(), 200);
  equal((await rotate()).status, 202);
  equal((await rotate()).status, 401, 'the administrator’s own token has ended too');
  equal(await fresh(), 401);
});
