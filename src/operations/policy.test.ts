// Whether a user may, and why; and what each may call.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../test/test-cloud.ts';

test('why a user may or may not', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const ask = (body: Record<string, unknown>, status = 200) => admin.post('/haneul/policy/explain', body, status);
  const may = await ask({ user: 'test-member', action: 'POST /volume/v3/x/volumes' });
  deepEqual([may.allowed, may.project_id, may.roles], [true, cloud.as('member').projectId, ['member', 'reader']]);
  const not = await ask({ user: cloud.as('reader').userId, action: may.rule });
  equal(not.allowed, false);
  match(not.sentence, /role:member/);
  const other = await ask({ user: 'test-member', action: may.rule, target: { project_id: 'another' } });
  equal(other.allowed, false);
  equal((await ask({ user: 'admin', action: 'identity:list_users', system: true })).allowed, true);
  equal((await ask({ user: 'admin', action: 'no:such:rule' })).allowed, false);
  await ask({ user: 'nobody', action: may.rule }, 404);
  await ask({ user: 'test-other', action: may.rule, project: 'demo' }, 403);
  await cloud.as('member').post('/haneul/policy/explain', { user: 'admin', action: 'x' }, 403);
});

test('everybody is told what they may call', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const rules = async (user: 'admin' | 'member' | 'reader'): Promise<Set<string>> =>
    new Set((await cloud.as(user).get('/haneul/capabilities')).calls.map((call: { rule: string }) => call.rule));
  const [admin, member, reader] = [await rules('admin'), await rules('member'), await rules('reader')];
  ok(admin.has('identity:create_user') && !member.has('identity:create_user'));
  ok(member.has('volume:create') && !reader.has('volume:create'));
  for (const rule of reader) ok(member.has(rule), rule);
});
