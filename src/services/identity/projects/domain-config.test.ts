// The configuration of a domain: the whole, a group, an option; and what everybody may know of passwords.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';

test('a domain’s configuration is set, changed and taken back in parts, and its secret is never shown', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'd' } }, 201);
  const path = `${v3}/domains/${domain.id}/config`;
  await admin.get(path, 404);
  const ldap = { url: 'ldap://192.0.2.1', password: 'of-the-directory' };
  const config = { ldap, identity: { driver: 'ldap' } };
  const shown = { ldap: { url: ldap.url }, identity: { driver: 'ldap' } };
  deepEqual((await admin.put(path, { config }, 201)).config, shown);
  deepEqual((await admin.put(path, { config }, 200)).config, shown);
  deepEqual((await admin.get(`${path}/ldap`)).config, { ldap: shown.ldap });
  deepEqual((await admin.get(`${path}/ldap/url`)).config, { url: ldap.url });
  await admin.get(`${path}/ldap/password`, 404);

  const changed = { ldap: { url: 'ldap://192.0.2.2' }, identity: { driver: 'ldap' } };
  deepEqual((await admin.patch(`${path}/ldap/url`, { config: { url: 'ldap://192.0.2.2' } })).config, changed);
  await admin.patch(`${path}/ldap`, { config: { identity: { driver: 'sql' } } }, 400);
  await admin.patch(path, { config: { ldap: { no_such_option: 1 } } }, 403);
  await admin.patch(path, { config: { ldap: { url: { a: 1 } } } }, 400);
  deepEqual((await admin.get(path)).config, changed);

  await admin.delete(`${path}/ldap/url`);
  await admin.get(`${path}/ldap/url`, 404);
  await admin.delete(`${path}/identity`);
  await admin.delete(path);
  await admin.get(path, 404);
  equal((await admin.get(`${v3}/domains/config/ldap/url/default`)).config.url, 'ldap://localhost');
  await cloud.as('member').get(path, 404);
});

test('whoever chooses a password may know what it must be like', async () => {
  const password_regex = '[a-z0-9-]{10,}$';
  const password_regex_description = 'ten characters';
  await using cloud = await testCloud({ hosts: 0, config: { password_regex, password_regex_description } });
  const reader = cloud.as('reader');
  const path = `${v3}/domains/default/config/security_compliance`;
  deepEqual((await reader.get(path)).config, { security_compliance: { password_regex, password_regex_description } });
  deepEqual((await reader.get(`${path}/password_regex`)).config, { password_regex });
  await reader.get(`${path}/lockout_failure_attempts`, 403);
  await reader.get(path.replace('default', 'another'), 403);
  await cloud.anonymous().get(path, 401);
});
