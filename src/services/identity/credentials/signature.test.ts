// Signatures of Amazon's dialects become tokens: for services only, while they are fresh, and as long as the key holds.

import { createHash, createHmac } from 'node:crypto';
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { ec2Fits, s3Fits } from '#/services/identity/credentials/signature.rules.ts';
import { type TestClient, testCloud } from '../../../../test/test-cloud.ts';

const hmac = (hash: string, key: string | Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
const awsTime = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');

function scopeKey(secret: string, day: string): Buffer {
  return ['RegionOne', 's3', 'aws4_request'].reduce(
    (key, part) => hmac('sha256', key, part),
    hmac('sha256', `AWS4${secret}`, day),
  );
}

function s3Ask(access: string, secret: string, ms: number) {
  const at = awsTime(ms);
  const day = at.slice(0, 8);
  const hash = createHash('sha256').update('request').digest('hex');
  const text = ['AWS4-HMAC-SHA256', at, `${day}/RegionOne/s3/aws4_request`, hash].join('\n');
  return {
    credentials: {
      access,
      signature: hmac('sha256', scopeKey(secret, day), text).toString('hex'),
      token: Buffer.from(text).toString('base64'),
    },
  };
}

function ec2Ask(access: string, secret: string, ms: number) {
  const params: Record<string, string> = {
    AWSAccessKeyId: access,
    Action: 'DescribeInstances',
    SignatureMethod: 'HmacSHA256',
    SignatureVersion: '2',
    Timestamp: new Date(ms).toISOString(),
  };
  const query = Object.keys(params)
    .sort()
    .map(name => `${name}=${encodeURIComponent(params[name]!)}`)
    .join('&');
  const signature = hmac('sha256', secret, `GET\nec2.example\n/\n${query}`).toString('base64');
  return { credentials: { access, signature, host: 'ec2.example:8773', verb: 'GET', path: '/', params } };
}

test('known signatures fit, and no others', () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
  const v2 = ec2Ask('AK', secret, 1_800_000_000_000).credentials;
  equal(ec2Fits(v2, secret), true);
  equal(ec2Fits({ ...v2, path: '/other' }, secret), false);
  equal(ec2Fits({ ...v2, params: { ...v2.params, Action: 'Other' } }, secret), false);
  equal(ec2Fits({ ...v2, params: { ...v2.params, SignatureVersion: '9' } }, secret), false);
  const text = 'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg';
  const token = Buffer.from(text).toString('base64');
  const signature = hmac('sha1', secret, text).toString('base64');
  equal(s3Fits({ token, signature }, secret), true);
  equal(s3Fits({ token, signature }, `${secret}x`), false);
  // The example of the AWS documentation, "Signature Version 4 signing process": IAM, ListUsers.
  equal(
    ec2Fits(
      {
        signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
        verb: 'GET',
        path: '/',
        host: 'iam.amazonaws.com',
        params: { Action: 'ListUsers', Version: '2010-05-08' },
        headers: {
          Authorization:
            'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
          'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
          Host: 'iam.amazonaws.com',
          'X-Amz-Date': '20150830T123600Z',
        },
        body_hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      },
      'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    ),
    true,
  );
});

async function keyOf(client: TestClient): Promise<{ access: string; secret: string }> {
  const path = `/identity/v3/users/${client.userId}/credentials/OS-EC2`;
  return (await client.post(path, { tenant_id: client.projectId })).credential;
}

test('S-10 S-12 a signature becomes a token of its key’s user and project', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { access, secret } = await keyOf(member);
  const now = cloud.clock.now();
  const forms = [
    ['/identity/v3/s3tokens', s3Ask],
    ['/identity/v3/ec2tokens', ec2Ask],
  ] as const;
  for (const [path, ask] of forms) {
    const { status, body, headers } = await admin.request('POST', path, { body: ask(access, secret, now) });
    equal(status, 200, JSON.stringify(body));
    deepEqual([body.token.user.id, body.token.project.id], [member.userId, member.projectId]);
    deepEqual(body.token.methods, ['ec2credential']);
    const subject = { headers: { 'x-subject-token': headers['x-subject-token']! } };
    equal((await admin.request('GET', '/identity/v3/auth/tokens', subject)).status, 200);
    equal((await cloud.anonymous().request('POST', path, { body: ask(access, secret, now) })).status, 401);
    equal((await member.request('POST', path, { body: ask(access, secret, now) })).status, 403);
    equal((await admin.request('POST', path, { body: ask(access, `${secret}x`, now) })).status, 401);
    equal((await admin.request('POST', path, { body: ask('unknown', secret, now) })).status, 401);
    equal((await admin.request('POST', path, { body: ask(access, secret, now - 16 * 60_000) })).status, 401);
    equal((await admin.request('POST', path, { body: ask(access, secret, now + 16 * 60_000) })).status, 401);
    equal((await admin.request('POST', path, { body: { credentials: { access } } })).status < 500, true);
  }
  const { roles } = await admin.get('/identity/v3/roles?name=member');
  const grant = `/identity/v3/projects/${member.projectId}/users/${member.userId}/roles/${roles[0].id}`;
  await admin.delete(grant);
  for (const [path, ask] of forms)
    equal((await admin.request('POST', path, { body: ask(access, secret, now) })).status, 401, 'no role any more');
  await admin.put(grant, undefined, 204);
  await member.delete(`/identity/v3/users/${member.userId}/credentials/OS-EC2/${access}`);
  for (const [path, ask] of forms)
    equal((await admin.request('POST', path, { body: ask(access, secret, now) })).status, 401, 'no key any more');
});

test('S-11 a key made under a delegation carries its limits', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { application_credential: made } = await member.post(
    `/identity/v3/users/${member.userId}/application_credentials`,
    { application_credential: { name: 'ac', roles: [{ name: 'reader' }], unrestricted: true } },
  );
  const auth = {
    identity: { methods: ['application_credential'], application_credential: { id: made.id, secret: made.secret } },
  };
  const login = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth } });
  const delegated = member.with({ 'x-auth-token': login.headers['x-subject-token']! });
  const { credential } = await admin.post('/identity/v3/credentials', {
    credential: {
      type: 'ec2',
      user_id: member.userId,
      project_id: member.projectId,
      blob: JSON.stringify({ access: 'whole', secret: 's' }),
    },
  });
  equal(credential.type, 'ec2');
  const path = `/identity/v3/users/${member.userId}/credentials/OS-EC2`;
  const answer = await delegated.request('POST', path, { body: { tenant_id: member.projectId } });
  if (answer.status !== 201) return equal(answer.status, 403);
  const ask = s3Ask(answer.body.credential.access, answer.body.credential.secret, cloud.clock.now());
  const { body } = await admin.post('/identity/v3/s3tokens', ask, 200).then(token => ({ body: token }));
  deepEqual(
    body.token.roles.map(({ name }: { name: string }) => name),
    ['reader'],
  );
});
