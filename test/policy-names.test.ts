// Rules of all services by their names: each can be explained, and the names that OpenStack gave up still count.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { policyDefaults } from '#/cloud.ts';
import { createPolicy } from '#/platform/access/policy.ts';
import { testCloud } from './test-cloud.ts';

test('every rule of every service is explained', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { policy, services } = cloud.cloud;
  const rules = [...policyDefaults(services).keys()];
  for (const service of services)
    ok(
      service.endpoints.some(({ policy: name }) => rules.includes(name)),
      service.name,
    );
  const asked = services.flatMap(({ endpoints }) => endpoints.map(({ policy: name }) => name));
  for (const action of new Set([...rules, ...asked.filter(name => name !== 'public')])) {
    const answers: boolean[] = [];
    for (const user of ['admin', 'test-reader']) {
      const said = await admin.post('/haneul/policy/explain', { user, action }, 200);
      equal(said.rule, action);
      equal(said.overridden, false, action);
      match(said.sentence, /\S/, action);
      answers.push(said.allowed);
    }
    ok(
      answers[0] || !answers[1] || action.startsWith('identity:'),
      `${action}: a reader may, an administrator may not`,
    );
  }
  ok(policy.rules().size >= rules.length);
});

test('an old name stands for all rules in its place, unless they are named themselves', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const defaults = policyDefaults(cloud.cloud.services);
  const compute = 'os_compute_api:';
  const overrides = new Map([
    [`${compute}os-security-groups`, 'role:guard'],
    [`${compute}os-security-groups:list`, 'role:watch'],
    ['volume_extension:types_manage', 'role:typist'],
  ]);
  const rules = createPolicy({ defaults, overrides }).rules();
  const changed = [...rules].filter(([, { overridden }]) => overridden).map(([name, { rule }]) => `${name} ${rule}`);
  deepEqual(
    changed.filter(line => line.startsWith('volume')).sort(),
    ['create', 'delete', 'update'].map(verb => `volume_extension:type_${verb} role:typist`),
  );
  ok(changed.includes(`${compute}os-security-groups:add role:guard`));
  ok(changed.includes(`${compute}os-security-groups:rule:create role:guard`));
  ok(changed.includes(`${compute}os-security-groups:list role:watch`));
  equal(rules.has(`${compute}os-security-groups`), false);
});
