// What the calls of Identity are about: a domain with one of each kind in it, and callers of every role in every scope.

import { createHmac } from 'node:crypto';
import { type Json, type Keystone, type Login } from './keystone.ts';

export type Ids = Record<string, string>;

export const roles = ['admin', 'manager', 'member', 'reader', 'service', 'none'] as const;
export const scopes = ['system', 'domain', 'project', 'other domain', 'other project', 'unscoped'] as const;

export interface Caller {
  /** `reader of system`; also `owner`, to whom the estate's own things belong, and `nobody`, who has no token. */
  name: string;
  token: string;
  /** The token's body; null for nobody. */
  body: Json;
}

export interface Estate {
  ids: Ids;
  callers: Caller[];
  admin: string;
  /** Makes one more of a kind. @returns the ids that stand for it in paths */
  make(kind: string): Promise<Ids>;
}

const implied: [string, string][] = [
  ['admin', 'manager'],
  ['manager', 'member'],
  ['member', 'reader'],
];
export const password = 'Of-every-caller-1';

/**
 * @param admin a login with the role admin, in the domain `default` and its project `admin`
 * @param thing how names begin; new ones where the service remembers an earlier estate
 */
export async function makeEstate(keystone: Keystone, admin: Login, thing = 'thing'): Promise<Estate> {
  const { must } = keystone;
  const project = { project: { name: 'admin', domain: { id: 'default' } } };
  const first = await keystone.logIn(admin, project);
  let { token } = first;
  const ids: Ids = {
    admin_id: first.body.user.id,
    tag: 'blue',
    group: 'ldap',
    option: 'url',
    time: new Date(keystone.now()).toISOString(),
  };
  let count = 0;
  const name = (): string => `${thing}-${++count}`;
  const post = async (path: string, body: Json, status = 201): Promise<Json> =>
    Object.values(await must('POST', path, status, { token, body }))[0] as Json;
  const put = (path: string, body?: Json, status = 204): Promise<Json> => must('PUT', path, status, { token, body });

  const { roles: found } = await must('GET', '/v3/roles', 200, { token });
  const roleIds: Ids = Object.fromEntries(found.map((role: Json) => [role.name, role.id]));
  for (const role of roles) roleIds[role] ??= (await post('/v3/roles', { role: { name: role } })).id;
  for (const [prior, lesser] of implied)
    await keystone.ask('PUT', `/v3/roles/${roleIds[prior]}/implies/${roleIds[lesser]}`, { token });

  const inHome = (): Json => ({ name: name(), domain_id: ids['domain_id'] });
  ids['domain_id'] = (await post('/v3/domains', { domain: { name: name() } })).id;
  ids['other_domain_id'] = (await post('/v3/domains', { domain: { name: name() } })).id;
  ids['project_id'] = (await post('/v3/projects', { project: inHome() })).id;
  const away = { name: name(), domain_id: ids['other_domain_id'] };
  ids['other_project_id'] = (await post('/v3/projects', { project: away })).id;
  const owner = { ...inHome(), password };
  ids['user_id'] = ids['trustor_user_id'] = (await post('/v3/users', { user: owner })).id;
  ids['trustee_user_id'] = (await post('/v3/users', { user: { ...inHome(), password } })).id;
  ids['group_id'] = (await post('/v3/groups', { group: inHome() })).id;
  ids['role_id'] = roleIds['reader']!;
  await put(`/v3/groups/${ids['group_id']}/users/${ids['user_id']}`);
  await put(`/v3/projects/${ids['project_id']}/users/${ids['user_id']}/roles/${roleIds['member']}`);
  await put(`/v3/projects/${ids['project_id']}/users/${ids['admin_id']}/roles/${roleIds['member']}`);
  token = (await keystone.logIn(admin, project)).token;
  await must('PUT', `/v3/projects/${ids['project_id']}/tags/${ids['tag']}`, 201, { token });
  const scopeOfProject = { project: { id: ids['project_id'] } };
  const ownersLogin = { name: owner.name, domainId: ids['domain_id']!, password };
  let own = await keystone.logIn(ownersLogin, scopeOfProject);

  const makers: Record<string, () => Promise<Ids>> = {
    domain: async () => ({ domain_id: (await post('/v3/domains', { domain: { name: name() } })).id }),
    'disabled domain': async () => ({
      domain_id: (await post('/v3/domains', { domain: { name: name(), enabled: false } })).id,
    }),
    'configured domain': async () => {
      const made = await makers['domain']!();
      const config = { ldap: { url: 'ldap://127.0.0.1', user_tree_dn: 'ou=x' } };
      await must('PUT', `/v3/domains/${made['domain_id']}/config`, 201, { token, body: { config } });
      return made;
    },
    project: async () => ({ project_id: (await post('/v3/projects', { project: inHome() })).id }),
    'tagged project': async () => {
      const made = await makers['project']!();
      await must('PUT', `/v3/projects/${made['project_id']}/tags/${ids['tag']}`, 201, { token });
      return made;
    },
    user: async () => ({ user_id: (await post('/v3/users', { user: { ...inHome(), password } })).id }),
    group: async () => ({ group_id: (await post('/v3/groups', { group: inHome() })).id }),
    'group member': async () => {
      const made = { ...(await makers['user']!()), ...(await makers['group']!()) };
      await put(`/v3/groups/${made['group_id']}/users/${made['user_id']}`);
      return made;
    },
    role: async () => ({ role_id: (await post('/v3/roles', { role: { name: name() } })).id }),
    'role of the domain': async () => ({ role_id: (await post('/v3/roles', { role: inHome() })).id }),
    'two roles': async () => {
      const [prior, lesser] = [await makers['role']!(), await makers['role']!()];
      return { prior_role_id: prior['role_id']!, implied_role_id: lesser['role_id']! };
    },
    inference: async () => {
      const made = await makers['two roles']!();
      await put(`/v3/roles/${made['prior_role_id']}/implies/${made['implied_role_id']}`, undefined, 201);
      return made;
    },
    'grants of a user': async () => grants('user', (await makers['user']!())['user_id']!),
    'grants of a group': async () => grants('group', (await makers['group']!())['group_id']!),
    service: async () => ({
      service_id: (await post('/v3/services', { service: { name: name(), type: name() } })).id,
    }),
    region: async () => ({ region_id: (await post('/v3/regions', { region: {} })).id }),
    endpoint: async () => ({
      endpoint_id: (
        await post('/v3/endpoints', {
          endpoint: { service_id: ids['service_id'], interface: 'public', url: 'http://127.0.0.1/' },
        })
      ).id,
    }),
    'endpoint in a project': async () => {
      const made = await makers['endpoint']!();
      await put(`/v3/OS-EP-FILTER/projects/${ids['project_id']}/endpoints/${made['endpoint_id']}`);
      return made;
    },
    'endpoint group': async () => ({
      endpoint_group_id: (
        await post('/v3/OS-EP-FILTER/endpoint_groups', {
          endpoint_group: { name: name(), filters: { interface: 'admin' } },
        })
      ).id,
    }),
    'endpoint group in a project': async () => {
      const made = await makers['endpoint group']!();
      await put(`/v3/OS-EP-FILTER/endpoint_groups/${made['endpoint_group_id']}/projects/${ids['project_id']}`);
      return made;
    },
    credential: async () => ({
      credential_id: (
        await post('/v3/credentials', { credential: { type: 'cert', blob: 'x', user_id: ids['user_id'] } })
      ).id,
    }),
    'ec2 credential': async () => {
      const made = await post(`/v3/users/${ids['user_id']}/credentials/OS-EC2`, { tenant_id: ids['project_id'] });
      return { access: made.access, secret: made.secret };
    },
    'application credential': async () => {
      const ask = { name: name(), access_rules: [{ path: `/${name()}`, method: 'GET', service: 'compute' }] };
      const made = Object.values(
        await must('POST', `/v3/users/${ids['user_id']}/application_credentials`, 201, {
          token: own.token,
          body: { application_credential: ask },
        }),
      )[0] as Json;
      return {
        application_credential_id: made.id,
        application_credential_secret: made.secret,
        access_rule_id: made.access_rules[0].id,
      };
    },
    'unused access rule': async () => {
      const made = await makers['application credential']!();
      const path = `/v3/users/${ids['user_id']}/application_credentials/${made['application_credential_id']}`;
      await must('DELETE', path, 204, { token: own.token });
      return { access_rule_id: made['access_rule_id']! };
    },
    trust: async () => {
      const trust = {
        trustor_user_id: ids['user_id'],
        trustee_user_id: ids['trustee_user_id'],
        project_id: ids['project_id'],
        impersonation: false,
        roles: [{ id: roleIds['member'] }],
      };
      const made = Object.values(
        await must('POST', '/v3/OS-TRUST/trusts', 201, { token: own.token, body: { trust } }),
      )[0] as Json;
      return { trust_id: made.id, trust_role_id: roleIds['member']! };
    },
    'registered limit': async () => {
      const ask = { service_id: ids['service_id'], resource_name: name(), default_limit: 10 };
      const [made] = await post('/v3/registered_limits', { registered_limits: [ask] });
      return { registered_limit_id: made.id, resource_name: made.resource_name };
    },
    limit: async () => {
      const { resource_name, registered_limit_id } = await makers['registered limit']!();
      const ask = { service_id: ids['service_id'], project_id: ids['project_id'], resource_name, resource_limit: 5 };
      const [made] = await post('/v3/limits', { limits: [ask] });
      return { limit_id: made.id, limited_id: registered_limit_id! };
    },
    policy: async () => ({ policy_id: (await post('/v3/policies', { policy: { type: 'text', blob: '{}' } })).id }),
    associations: async () => {
      const made = await makers['policy']!();
      const path = `/v3/policies/${made['policy_id']}/OS-ENDPOINT-POLICY`;
      await put(`${path}/endpoints/${ids['endpoint_id']}`);
      await put(`${path}/services/${ids['service_id']}`);
      await put(`${path}/services/${ids['service_id']}/regions/${ids['region_id']}`);
      return made;
    },
    mapping: async () => {
      const id = name();
      await put(`/v3/OS-FEDERATION/mappings/${id}`, { mapping: { rules: mappingRules } }, 201);
      return { mapping_id: id };
    },
    'identity provider': async () => {
      const id = name();
      await put(`/v3/OS-FEDERATION/identity_providers/${id}`, { identity_provider: { enabled: true } }, 201);
      return { idp_id: id };
    },
    protocol: async () => {
      const made = await makers['identity provider']!();
      const path = `/v3/OS-FEDERATION/identity_providers/${made['idp_id']}/protocols/mapped`;
      await put(path, { protocol: { mapping_id: ids['mapping_id'] } }, 201);
      return { ...made, protocol_id: 'mapped' };
    },
    'service provider': async () => {
      const id = name();
      const ask = { auth_url: 'https://x.example/auth', sp_url: 'https://x.example/sp', enabled: true };
      await put(`/v3/OS-FEDERATION/service_providers/${id}`, { service_provider: ask }, 201);
      return { sp_id: id };
    },
    consumer: async () => {
      const made = await post('/v3/OS-OAUTH1/consumers', { consumer: {} });
      return { consumer_id: made.id, consumer_secret: made.secret };
    },
    'request token': async () => {
      const made = await makers['consumer']!();
      const answer = await oauth('/v3/OS-OAUTH1/request_token', made, { 'requested-project-id': ids['project_id']! });
      return { ...made, request_token_id: answer['oauth_token']!, request_secret: answer['oauth_token_secret']! };
    },
    'access token': async () => {
      const made = await makers['request token']!();
      const body = { roles: [{ id: roleIds['member'] }] };
      const allowed = await must('PUT', `/v3/OS-OAUTH1/authorize/${made['request_token_id']}`, 200, { token, body });
      const answer = await oauth('/v3/OS-OAUTH1/access_token', { ...made, verifier: allowed.token.oauth_verifier });
      return { access_token_id: answer['oauth_token']!, granted_role_id: roleIds['member']! };
    },
    'token of the owner': async () => ({ subject: (await keystone.logIn(ownersLogin, scopeOfProject)).token }),
  };

  /** A signed request of OAuth 1.0a. */
  async function oauth(path: string, signer: Ids, headers: Ids = {}): Promise<Ids> {
    const enc = encodeURIComponent;
    const parameters: Ids = {
      oauth_consumer_key: signer['consumer_id']!,
      oauth_nonce: String(++count).padStart(24, '0'),
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(keystone.now() / 1000)),
      oauth_version: '1.0',
      ...(signer['request_token_id'] ? { oauth_token: signer['request_token_id'] } : { oauth_callback: 'oob' }),
      ...(signer['verifier'] ? { oauth_verifier: signer['verifier'] } : {}),
    };
    const pairs = Object.entries(parameters).map(([key, value]) => `${enc(key)}=${enc(value)}`);
    const base = ['POST', enc(`${keystone.url}${path}`), enc(pairs.sort().join('&'))].join('&');
    const key = `${enc(signer['consumer_secret']!)}&${enc(signer['request_secret'] ?? '')}`;
    const signed = { ...parameters, oauth_signature: createHmac('sha1', key).update(base).digest('base64') };
    const header = Object.entries(signed).map(([part, value]) => `${part}="${enc(value)}"`);
    const body = await must('POST', path, 201, {
      headers: { ...headers, authorization: `OAuth ${header.join(', ')}` },
    });
    return Object.fromEntries(new URLSearchParams(String(body)));
  }

  /** The role reader everywhere in the estate. */
  async function grants(kind: 'user' | 'group', id: string): Promise<Ids> {
    const role = roleIds['reader'];
    for (const where of [`projects/${ids['project_id']}`, `domains/${ids['domain_id']}`]) {
      await put(`/v3/${where}/${kind}s/${id}/roles/${role}`);
      await put(`/v3/OS-INHERIT/${where}/${kind}s/${id}/roles/${role}/inherited_to_projects`);
    }
    await put(`/v3/system/${kind}s/${id}/roles/${role}`);
    return { [`${kind}_id`]: id };
  }

  Object.assign(ids, await makers['region']!());
  await grants('user', ids['user_id']!);
  await grants('group', ids['group_id']!);
  Object.assign(ids, await makers['service']!());
  own = await keystone.logIn(ownersLogin, scopeOfProject);
  for (const kind of [
    'inference',
    'endpoint in a project',
    'endpoint group in a project',
    'credential',
    'ec2 credential',
    'application credential',
    'trust',
    'limit',
    'registered limit',
    'associations',
    'mapping',
    'protocol',
    'service provider',
    'request token',
    'consumer',
    'access token',
    'token of the owner',
  ])
    Object.assign(ids, await makers[kind]!());
  ids['role_of_domain_id'] = (await makers['role of the domain']!())['role_id']!;
  ids['configured_domain_id'] = (await makers['configured domain']!())['domain_id']!;

  const callers = await makeCallers(keystone, ids, roleIds, token);
  // Whoever made grants may have ended tokens that were made before.
  token = (await keystone.logIn(admin, project)).token;
  own = await keystone.logIn(ownersLogin, scopeOfProject);
  ids['subject'] = (await makers['token of the owner']!())['subject']!;
  callers.push({ name: 'owner', token: own.token, body: own.body }, { name: 'nobody', token: '', body: null });
  return {
    ids,
    callers,
    get admin() {
      return token;
    },
    async make(kind) {
      const made = await makers[kind]!();
      return made;
    },
  };
}

export const mappingRules = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'REMOTE_USER' }] }];

/** One user per role, with that role in every scope. */
async function makeCallers({ must, logIn }: Keystone, ids: Ids, roleIds: Ids, token: string): Promise<Caller[]> {
  const callers: Caller[] = [];
  const places: Record<(typeof scopes)[number], { path: string; scope: unknown } | null> = {
    system: { path: '/v3/system', scope: { system: { all: true } } },
    domain: { path: `/v3/domains/${ids['domain_id']}`, scope: { domain: { id: ids['domain_id'] } } },
    project: { path: `/v3/projects/${ids['project_id']}`, scope: { project: { id: ids['project_id'] } } },
    'other domain': {
      path: `/v3/domains/${ids['other_domain_id']}`,
      scope: { domain: { id: ids['other_domain_id'] } },
    },
    'other project': {
      path: `/v3/projects/${ids['other_project_id']}`,
      scope: { project: { id: ids['other_project_id'] } },
    },
    unscoped: null,
  };
  for (const role of roles) {
    const user = { name: `caller-${role}`, domain_id: ids['domain_id'], password };
    const { id } = (await must('POST', '/v3/users', 201, { token, body: { user } })).user;
    for (const place of Object.values(places))
      if (place) await must('PUT', `${place.path}/users/${id}/roles/${roleIds[role]}`, 204, { token });
    for (const scope of scopes) {
      const login = { name: user.name, domainId: ids['domain_id']!, password };
      const made = await logIn(login, places[scope]?.scope ?? 'unscoped');
      callers.push({ name: `${role} of ${scope}`, ...made });
    }
  }
  return callers;
}
