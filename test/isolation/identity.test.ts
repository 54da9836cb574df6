// Attacks on identity, by the numbers under which they are listed; S-01, S-02 and S-12 stand beside what they are about.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tables } from '#/services/identity/tables.ts';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';

const v3 = '/identity/v3';
const tokens = `${v3}/auth/tokens`;

let cloud: TestCloud;
let admin: TestClient;
let member: TestClient;
before(async () => {
  cloud = await testCloud({ hosts: 0, seed: 17 });
  [admin, member] = [cloud.as('admin'), cloud.as('member')];
});
after(() => cloud[Symbol.asyncDispose]());

const logIn = (identity: object, scope?: unknown) =>
  cloud
    .anonymous()
    .request('POST', tokens, { body: { auth: { identity, ...(scope === undefined ? {} : { scope }) } } });
const byPassword = (id: string, password: unknown) => ({ methods: ['password'], password: { user: { id, password } } });
const byToken = (id: string) => ({ methods: ['token'], token: { id } });
const roleId = async (name: string): Promise<string> => (await admin.get(`${v3}/roles?name=${name}`)).roles[0].id;
const projectScope = (id: string) => ({ project: { id } });

async function person(name: string): Promise<{ id: string; password: string }> {
  const password = `${name}-password-1`;
  const { user } = await admin.post(`${v3}/users`, { user: { name, password, domain_id: 'default' } });
  return { id: user.id, password };
}

async function clientOf(identity: object, scope?: unknown): Promise<TestClient> {
  const { status, headers, body } = await logIn(identity, scope);
  equal(status, 201, JSON.stringify(body));
  return cloud.anonymous().with({ 'x-auth-token': headers['x-subject-token']! });
}

/** An application credential of the member's, and how to log in with it. */
async function applicationCredential(name: string, more: object = {}) {
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const ask = { application_credential: { name, roles: [{ name: 'reader' }], ...more } };
  const { id, secret } = (await member.post(path, ask)).application_credential;
  const identity = (given: string = secret) => ({
    methods: ['application_credential'],
    application_credential: { id, secret: given },
  });
  return { id, secret, path: `${path}/${id}`, identity };
}

/** Every row of identity, and every event of a change. */
async function everything(): Promise<string> {
  const names = ['users', 'projects', 'userGroups', 'roles', 'impliedRoles', 'roleAssignments', 'regions'] as const;
  const more = ['catalogServices', 'catalogEndpoints', 'credentials', 'registeredLimits', 'resourceLimits'] as const;
  const rest = ['trusts', 'applicationCredentials', 'groupMembers', 'domainConfigs', 'storedPolicies'] as const;
  return cloud.db.read(async tx => {
    const all: string[] = [];
    for (const name of [...names, ...more, ...rest])
      all.push(...(await tables(tx).selectFrom(name).selectAll().execute()).map(row => JSON.stringify([name, row])));
    const events = await tx
      .withTables<{ events: { seq: number; type: string } }>()
      .selectFrom('events')
      .select(['seq', 'type'])
      .where('type', '!=', 'identity.authenticate')
      .execute();
    return [...all, ...events.map(event => JSON.stringify(event))].sort().join('\n');
  });
}

test('S-03 a refused update has no partial effect', async () => {
  const { id } = await person('kept');
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'kept', domain_id: 'default' } });
  const { project: child } = await admin.post(`${v3}/projects`, {
    project: { name: 'child', domain_id: 'default', parent_id: project.id },
  });
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'kept', name: 'kept' } });
  const limit = { service_id: service.id, default_limit: 5 };
  await admin.post(`${v3}/registered_limits`, { registered_limits: [{ ...limit, resource_name: 'known' }] });
  const before = await everything();
  const refused: [string, string, unknown][] = [
    ['PATCH', `/users/${id}`, { user: { email: 'new@example.org', name: 'admin' } }],
    ['PATCH', `/users/${id}`, { user: { description: 'new', enabled: 'maybe' } }],
    ['PATCH', `/users/${id}`, { user: { description: 'new', options: { no_such_option: true } } }],
    ['PATCH', `/projects/${project.id}`, { project: { description: 'new', parent_id: child.id } }],
    ['PATCH', `/projects/${project.id}`, { project: { description: 'new', tags: ['fine', 'not/fine'] } }],
    ['DELETE', `/projects/${project.id}`, undefined],
    ['PUT', `/projects/${project.id}/tags`, { tags: ['fine', 'x'.repeat(300)] }],
    [
      'POST',
      '/registered_limits',
      {
        registered_limits: [
          { ...limit, resource_name: 'new' },
          { ...limit, resource_name: 'known' },
        ],
      },
    ],
    ['POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'odd', url: 'http://x' } }],
    ['PUT', `/projects/${project.id}/users/${id}/roles/nothing`, undefined],
    ['PUT', `/projects/nowhere/users/${id}/roles/${await roleId('member')}`, undefined],
    [
      'POST',
      '/OS-TRUST/trusts',
      {
        trust: {
          ...{ trustor_user_id: admin.userId, trustee_user_id: id, impersonation: false, project_id: admin.projectId },
          roles: [{ name: 'admin' }, { name: 'no-such-role' }],
        },
      },
    ],
    ['PUT', '/domains/default/config', { config: { ldap: { url: 'ldap://x' }, nonsense: { x: 1 } } }],
  ];
  for (const [method, path, body] of refused) {
    const { status } = await admin.request(method, `${v3}${path}`, { body });
    ok(status >= 400 && status < 500, `${method} ${path} ${JSON.stringify(body)}: ${status}`);
    equal(await everything(), before, `${method} ${path}`);
  }
});

test('S-04 a user and a group of one id share nothing', async () => {
  const { id, password } = await person('twin');
  await cloud.db.write(tx =>
    tables(tx)
      .insertInto('userGroups')
      .values({ id, name: 'twin', domainId: 'default', description: '', extra: '{}' })
      .execute(),
  );
  const role = await roleId('member');
  const grant = (kind: string) => `${v3}/projects/${member.projectId}/${kind}/${id}/roles/${role}`;
  await admin.put(grant('groups'), undefined, 204);
  equal((await logIn(byPassword(id, password), projectScope(member.projectId))).status, 401);
  equal((await admin.request('HEAD', grant('users'))).status, 404);
  const before = await everything();
  equal((await admin.request('DELETE', grant('users'))).status, 404);
  equal(await everything(), before);
  await admin.put(grant('users'), undefined, 204);
  await admin.delete(grant('groups'));
  const own = await clientOf(byPassword(id, password), projectScope(member.projectId));
  await admin.delete(`${v3}/groups/${id}`);
  equal((await own.request('GET', `${v3}/auth/projects`)).status, 200);
  equal((await admin.request('HEAD', grant('users'))).status, 204);
});

test('S-06 known and unknown users cannot be told apart, not by time either', async () => {
  const { id } = await person('known');
  const once = async (identity: object): Promise<[number, unknown, number]> => {
    const started = performance.now();
    const { status, body } = await logIn(identity);
    return [status, body, performance.now() - started];
  };
  const times: [number[], number[]] = [[], []];
  for (let at = 0; at < 80; at++) {
    const wrong = await once(byPassword(id, 'wrong-password'));
    const unknown = await once(byPassword('0'.repeat(32), 'wrong-password'));
    equal(wrong[0], 401);
    deepEqual(unknown.slice(0, 2), wrong.slice(0, 2));
    if (at >= 20) [wrong, unknown].forEach(([, , ms], which) => times[which]!.push(ms));
  }
  const [wrong, unknown] = times.map(list => list.toSorted((a, b) => a - b)[list.length >> 1]!) as [number, number];
  ok(Math.abs(wrong - unknown) < Math.max(2, 0.4 * Math.max(wrong, unknown)), `${wrong} and ${unknown} ms`);
});

test('S-07 every character of a secret counts, and odd ones are refused at once', async () => {
  const changed = (text: string, at: number): string =>
    text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1);
  const secret = 'long-secret-'.repeat(9).slice(0, 100);
  const { identity } = await applicationCredential('long', { secret });
  equal((await logIn(identity())).status, 201);
  equal((await logIn(identity(changed(secret, 90)))).status, 401);
  for (const given of ['x'.repeat(2 << 20), 7, null, ['x'], { x: 1 }, '', 'a\0b']) {
    const started = performance.now();
    const { status } = await logIn(identity(given as string));
    ok([400, 401, 413].includes(status), `${status}`);
    ok(performance.now() - started < 1_000);
  }
});

test('S-08 nobody moves a user, group or project into another domain', async () => {
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'own' } });
  const { domain: elsewhere } = await admin.post(`${v3}/domains`, { domain: { name: 'elsewhere' } });
  const { id, password } = await person('manager-of-own');
  for (const name of ['admin', 'manager']) {
    const grant = `${v3}/domains/${domain.id}/users/${id}/roles/${await roleId(name)}`;
    await admin.put(grant, undefined, 204);
    const manager = await clientOf(byPassword(id, password), { domain: { id: domain.id } });
    for (const kind of ['user', 'group', 'project']) {
      const made = await manager.request('POST', `${v3}/${kind}s`, {
        body: { [kind]: { name: `${kind} of ${name}`, domain_id: domain.id } },
      });
      equal(made.status, 201, JSON.stringify(made.body));
      const path = `${v3}/${kind}s/${made.body[kind].id}`;
      for (const to of ['default', elsewhere.id, 'nowhere', '']) {
        const { status } = await manager.request('PATCH', path, { body: { [kind]: { domain_id: to } } });
        ok(status >= 400 && status < 500, `${name} ${kind} to ${to}: ${status}`);
      }
      equal((await admin.get(path))[kind].domain_id, domain.id);
    }
    await admin.delete(grant);
  }
});

test('S-09 a token becomes one of another scope only where its login allows it', async () => {
  const { id, password } = await person('two-projects');
  const { project: second } = await admin.post(`${v3}/projects`, { project: { name: 'second', domain_id: 'default' } });
  const role = await roleId('member');
  for (const project of [member.projectId, second.id])
    await admin.put(`${v3}/projects/${project}/users/${id}/roles/${role}`, undefined, 204);
  const others = [projectScope(admin.projectId), { system: { all: true } }, { domain: { id: 'default' } }];
  const whole = await logIn(byPassword(id, password), projectScope(member.projectId));
  const token = whole.headers['x-subject-token']!;
  equal((await logIn(byToken(token), projectScope(second.id))).status, 201, 'their own');
  for (const scope of others) equal((await logIn(byToken(token), scope)).status, 401, JSON.stringify(scope));

  // An application credential is for its project, whatever its user may do elsewhere.
  await admin.put(`${v3}/projects/${second.id}/users/${member.userId}/roles/${role}`, undefined, 204);
  const { identity } = await applicationCredential('one-project');
  const bound = (await logIn(identity())).headers['x-subject-token']!;
  for (const scope of [projectScope(second.id), 'unscoped', ...others]) {
    const { status } = await logIn(byToken(bound), scope);
    ok(status === 401 || status === 403, `${JSON.stringify(scope)}: ${status}`);
    equal((await logIn(identity(), scope)).status, 401, JSON.stringify(scope));
  }
});

test('S-10 without the role or the credential, its tokens and logins end', async () => {
  const me = `${v3}/auth/projects`;
  const { identity } = await applicationCredential('ending');
  const delegate = await clientOf(identity());
  await delegate.get(me);
  const grant = `${v3}/projects/${member.projectId}/users/${member.userId}/roles/${await roleId('member')}`;
  await admin.delete(grant);
  equal((await delegate.request('GET', me)).status, 401);
  equal((await logIn(identity())).status, 401);
  await admin.put(grant, undefined, 204);
  // The credential has ended with the role: it does not come back with it.
  equal((await logIn(identity())).status, 401);
  const other = await applicationCredential('ending too');
  const again = await clientOf(other.identity());
  await again.get(me);
  await member.delete(other.path);
  equal((await again.request('GET', me)).status, 401);
  equal((await logIn(other.identity())).status, 401);
});

test('S-11 what was delegated makes no further authority', async () => {
  const { id, password } = await person('trustee');
  const trust = {
    ...{ trustor_user_id: member.userId, project_id: member.projectId, impersonation: true },
    ...{ trustee_user_id: id, roles: [{ name: 'member' }] },
  };
  const { trust: made } = await member.post(`${v3}/OS-TRUST/trusts`, { trust });
  const trustee = await logIn(byPassword(id, password), { 'OS-TRUST:trust': { id: made.id } });
  equal(trustee.status, 201);
  const { identity } = await applicationCredential('restricted');
  const limited = await logIn(identity());
  const mine = `${v3}/users/${member.userId}`;
  const application_credential = { name: 'more', roles: [{ name: 'member' }] };
  for (const { headers } of [trustee, limited]) {
    const token = headers['x-subject-token']!;
    const by = cloud.anonymous().with({ 'x-auth-token': token });
    for (const [method, path, body] of [
      ['POST', `${v3}/OS-TRUST/trusts`, { trust: { ...trust, trustee_user_id: cloud.as('other').userId } }],
      ['POST', `${mine}/application_credentials`, { application_credential }],
      ['PATCH', mine, { user: { password: 'taken-over-1' } }],
      ['GET', `${mine}/OS-OAUTH1/access_tokens`, undefined],
    ] as const) {
      const { status } = await by.request(method, path, { body });
      ok(status === 401 || status === 403 || status === 404, `${method} ${path}: ${status}`);
    }
    for (const scope of [projectScope(member.projectId), 'unscoped', { system: { all: true } }]) {
      const { status } = await logIn(byToken(token), scope);
      // Its own project again is nothing new.
      const own = typeof scope === 'object' && 'project' in scope && headers === limited.headers;
      ok(own ? status === 201 : status === 401 || status === 403, `${JSON.stringify(scope)}: ${status}`);
    }
    // A key made with it is refused, or goes exactly as far.
    const key = await by.request('POST', `${mine}/credentials/OS-EC2`, { body: { tenant_id: member.projectId } });
    if (key.status !== 201) ok(key.status === 403 || key.status === 401, `${key.status}`);
    else ok(key.body.credential.trust_id === made.id, JSON.stringify(key.body));
  }
});
