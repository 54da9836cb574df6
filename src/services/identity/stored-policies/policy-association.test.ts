// Which document holds for an endpoint: the nearest association; and what went with PKI tokens is gone.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { policyOfEndpoint } from '#/services/identity/stored-policies/policy-association.api.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

test('the nearest association counts', () => {
  const parents = new Map([
    ['child', 'parent'],
    ['parent', null],
  ]);
  const at = { id: 'e', serviceId: 's', regionId: 'child' };
  const everywhere = { policyId: 'everywhere', endpointId: '', serviceId: 's', regionId: '' };
  const above = { policyId: 'above', endpointId: '', serviceId: 's', regionId: 'parent' };
  const here = { policyId: 'here', endpointId: '', serviceId: 's', regionId: 'child' };
  const own = { policyId: 'own', endpointId: 'e', serviceId: '', regionId: '' };
  for (const [associations, expected] of [
    [[], undefined],
    [[everywhere], 'everywhere'],
    [[everywhere, above], 'above'],
    [[everywhere, above, here], 'here'],
    [[everywhere, above, here, own], 'own'],
    [[{ ...everywhere, serviceId: 'other' }], undefined],
  ] as const)
    equal(policyOfEndpoint({ associations: [...associations], parents }, at), expected);
});

test('a document is associated, found, and let go', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { policy } = await admin.post('/identity/v3/policies', { policy: { type: 'text/plain', blob: 'x' } });
  const { endpoints } = await admin.get('/identity/v3/endpoints');
  const [first] = endpoints;
  const base = `/identity/v3/policies/${policy.id}/OS-ENDPOINT-POLICY`;
  const ofEndpoint = `/identity/v3/endpoints/${first.id}/OS-ENDPOINT-POLICY/policy`;
  await admin.get(ofEndpoint, 404);
  for (const path of [
    `${base}/endpoints/${first.id}`,
    `${base}/services/${first.service_id}`,
    `${base}/services/${first.service_id}/regions/${first.region_id}`,
  ]) {
    await admin.get(path, 404);
    await cloud.as('member').put(path, undefined, 404);
    await admin.put(path, undefined, 204);
    await admin.get(path, 204);
    equal((await admin.get(ofEndpoint)).policy.id, policy.id);
    equal(
      (await admin.get(`${base}/endpoints`)).endpoints.some((row: { id: string }) => row.id === first.id),
      true,
    );
    await admin.delete(path);
    await admin.delete(path, 404);
  }
  await admin.put(`${base}/endpoints/nothing`, undefined, 404);
  await admin.put(`${base}/endpoints/${first.id}`, undefined, 204);
  await admin.delete(`/identity/v3/policies/${policy.id}`);
  await admin.get(ofEndpoint, 404);
});

test('revocations are told to services; PKI is gone', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const subject = { headers: { 'x-subject-token': cloud.as('reader').token } };
  const { body } = await admin.request('GET', '/identity/v3/auth/tokens', subject);
  deepEqual((await admin.get('/identity/v3/OS-REVOKE/events')).events, []);
  equal((await admin.request('DELETE', '/identity/v3/auth/tokens', subject)).status, 204);
  const { events } = await admin.get('/identity/v3/OS-REVOKE/events');
  deepEqual(
    events.map((event: { audit_id: string }) => event.audit_id),
    [body.token.audit_ids[0]],
  );
  await cloud.as('member').get('/identity/v3/OS-REVOKE/events', 403);
  for (const path of ['OS-SIMPLE-CERT/ca', 'OS-SIMPLE-CERT/certificates', 'auth/tokens/OS-PKI/revoked'])
    await admin.get(`/identity/v3/${path}`, 410);
});
