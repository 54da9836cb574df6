import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

test('a body without tags is refused and changes none', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 5 });
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'tagged' } });
  const path = `/network/v2.0/networks/${network.id}/tags`;
  await member.put(path, { tags: ['a'] });
  await member.put(path, {}, 400);
  await member.post(path, {}, 400);
  deepEqual((await member.get(path)).tags, ['a']);
});
