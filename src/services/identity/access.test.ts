// Every call of identity, made by everybody who has no right to it. That the rules are OpenStack's own is tested for all
// services together.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { testCloud, type TestUser } from '../../../test/test-cloud.ts';

function identityOf(services: Service[]): Service {
  return services.find(({ name }) => name === 'identity')!;
}

/** The rules by which members, readers and managers of a project may do something about what is not theirs. */
const forAll =
  /^identity:(get_auth_|list_limits|get_limit_model|(get|list)_region|(get|list)_registered_limit|get_security_compliance)/;
/** Asked about nobody in particular, these are about the caller. */
const aboutOneself =
  /^identity:(list_credentials|list_trusts_for_trustor|validate_token|check_token|revoke_token|create_trust|create_credential|list_roles|get_domain)$/;

test('what is not theirs is refused to all but administrators', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { endpoints } = identityOf(cloud.cloud.services);
  const ids = await rowsOfEachKind(admin);
  for (const endpoint of endpoints) {
    if (endpoint.policy === 'public') continue;
    const path = pathOf(endpoint, ids);
    const anonymous = await cloud.anonymous().request(endpoint.method, path);
    equal(anonymous.status, 401, `${endpoint.method} ${path} without a token`);
    if (forAll.test(endpoint.policy) || aboutOneself.test(endpoint.policy)) continue;
    for (const user of ['manager', 'member', 'reader', 'other'] satisfies TestUser[]) {
      const { status } = await cloud
        .as(user)
        .request(endpoint.method, path, endpoint.bodies.length ? { body: {} } : {});
      ok([403, 404].includes(status), `${endpoint.method} ${path} as ${user}: ${status} (${endpoint.policy})`);
    }
    if (endpoint.method !== 'GET') continue;
    const { status } = await admin.request('GET', path);
    ok([200, 204, 404, 410].includes(status), `GET ${path} as admin: ${status}`);
  }
});

type Admin = Awaited<ReturnType<typeof testCloud>>['as'] extends (user: TestUser) => infer C ? C : never;

/** One of everything, none of it of the test users' own. Path parameter → id. */
async function rowsOfEachKind(admin: Admin): Promise<Record<string, string>> {
  const v3 = '/identity/v3';
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'away' } });
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'far', domain_id: domain.id } });
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'stranger', domain_id: domain.id } });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'strangers', domain_id: domain.id } });
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'strange' } });
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'strange' } });
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id: service.id, interface: 'public', url: 'http://far/' },
  });
  const { credential } = await admin.post(`${v3}/credentials`, {
    credential: { type: 'cert', blob: 'x', user_id: user.id },
  });
  const { policy } = await admin.post(`${v3}/policies`, { policy: { type: 'x', blob: 'x' } });
  const { consumer } = await admin.post(`${v3}/OS-OAUTH1/consumers`, { consumer: {} });
  return {
    domain_id: domain.id,
    project_id: project.id,
    user_id: user.id,
    group_id: group.id,
    role_id: role.id,
    prior_role_id: role.id,
    implied_role_id: role.id,
    service_id: service.id,
    endpoint_id: endpoint.id,
    credential_id: credential.id,
    policy_id: policy.id,
    consumer_id: consumer.id,
    region_id: 'RegionOne',
    tag: 'x',
    group: 'ldap',
    option: 'url',
  };
}

function pathOf({ path }: Endpoint, ids: Record<string, string>): string {
  return `/identity${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'nothing')}`;
}
