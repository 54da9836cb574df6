// How each call of Identity is made so that it succeeds for whoever may: what must be there anew, the body, and what its
// rule is about. Calls that are not named here need nothing but the ids in their path.

import { createHmac } from 'node:crypto';
import { type Caller, type Estate, type Ids, mappingRules, password } from './estate.ts';
import type { Json } from './keystone.ts';

export interface Call {
  method: string;
  /** With ids in it. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Way {
  /** Kinds that are made before the call, and again after each time that it was done. */
  anew?: string[];
  /** Names in the path that stand for other ids than their own name's. */
  path?(ids: Ids): Ids;
  query?(ids: Ids): string;
  body?(ids: Ids, name: string): unknown;
  headers?(ids: Ids): Record<string, string>;
  /** What the rule looks at besides the ids in the path; by default what they stand for. */
  target?(ids: Ids, caller: Caller): Json;
}

const text = { type: 'text', blob: '{"a": "b"}' };
const described =
  (kind: string): (() => unknown) =>
  () => ({ [kind]: { description: 'changed' } });
const named =
  (kind: string, more: (ids: Ids) => unknown = () => ({})): ((ids: Ids, name: string) => unknown) =>
  (ids, name) => ({ [kind]: { name, ...(more(ids) as object) } });
const inDomain = (ids: Ids): unknown => ({ domain_id: ids['domain_id'] });
const ownDomain: Way['target'] = (_, { body }) => {
  const id = body.domain?.id;
  return id === undefined ? {} : { target: { domain_id: id, domain: { id } } };
};
const configured: Way['path'] = ids => ({ domain_id: ids['configured_domain_id']! });
const ofAdmin = (ids: Ids): Ids => ({ user_id: ids['admin_id']! });
const subject: Way['headers'] = ids => ({ 'x-subject-token': ids['subject']! });
const ec2: Way['path'] = ids => ({ credential_id: ids['access']! });
const ofToken: Way['target'] = ids => ({ target: { token: { user_id: ids['user_id'] } } });
const ofOwner: Way['target'] = ids => ({ target: { credential: { user_id: ids['user_id'] } } });
const ofCaller: Way['target'] = (_, { body }) => ({
  // Whoever speaks for the system asks about everybody's.
  target: body.system ? {} : { credential: { user_id: body.user.id } },
});
const roleOfDomain: Way['path'] = ids => ({ role_id: ids['role_of_domain_id']! });

/** By the name of a rule, where one path serves several rules; else by method and path, parameters left out. */
export const ways: Record<string, Way> = {
  'POST /v3/OS-EP-FILTER/endpoint_groups': {
    body: named('endpoint_group', () => ({ filters: { interface: 'public' } })),
  },
  'PATCH /v3/OS-EP-FILTER/endpoint_groups/{}': { body: described('endpoint_group') },
  'DELETE /v3/OS-EP-FILTER/endpoint_groups/{}': { anew: ['endpoint group'] },
  'PUT /v3/OS-EP-FILTER/endpoint_groups/{}/projects/{}': { anew: ['endpoint group'] },
  'DELETE /v3/OS-EP-FILTER/endpoint_groups/{}/projects/{}': { anew: ['endpoint group in a project'] },
  'PUT /v3/OS-EP-FILTER/projects/{}/endpoints/{}': { anew: ['endpoint'] },
  'DELETE /v3/OS-EP-FILTER/projects/{}/endpoints/{}': { anew: ['endpoint in a project'] },

  'PUT /v3/OS-FEDERATION/identity_providers/{}': {
    path: ids => ({ idp_id: ids['new']! }),
    body: () => ({ identity_provider: { enabled: true } }),
  },
  'PATCH /v3/OS-FEDERATION/identity_providers/{}': { body: described('identity_provider') },
  'DELETE /v3/OS-FEDERATION/identity_providers/{}': { anew: ['identity provider'] },
  'PUT /v3/OS-FEDERATION/identity_providers/{}/protocols/{}': {
    path: ids => ({ protocol_id: ids['new']! }),
    body: ids => ({ protocol: { mapping_id: ids['mapping_id'] } }),
  },
  'PATCH /v3/OS-FEDERATION/identity_providers/{}/protocols/{}': {
    body: ids => ({ protocol: { mapping_id: ids['mapping_id'] } }),
  },
  'DELETE /v3/OS-FEDERATION/identity_providers/{}/protocols/{}': { anew: ['protocol'] },
  'PUT /v3/OS-FEDERATION/mappings/{}': {
    path: ids => ({ mapping_id: ids['new']! }),
    body: () => ({ mapping: { rules: mappingRules } }),
  },
  'PATCH /v3/OS-FEDERATION/mappings/{}': { body: () => ({ mapping: { rules: mappingRules } }) },
  'DELETE /v3/OS-FEDERATION/mappings/{}': { anew: ['mapping'] },
  'PUT /v3/OS-FEDERATION/service_providers/{}': {
    path: ids => ({ sp_id: ids['new']! }),
    body: () => ({
      service_provider: { auth_url: 'https://x.example/auth', sp_url: 'https://x.example/sp', enabled: true },
    }),
  },
  'PATCH /v3/OS-FEDERATION/service_providers/{}': { body: described('service_provider') },
  'DELETE /v3/OS-FEDERATION/service_providers/{}': { anew: ['service provider'] },

  'PUT /v3/OS-OAUTH1/authorize/{}': {
    anew: ['request token'],
    body: ids => ({ roles: [{ id: ids['granted_role_id'] }] }),
  },
  'POST /v3/OS-OAUTH1/consumers': { body: () => ({ consumer: { description: 'new' } }) },
  'PATCH /v3/OS-OAUTH1/consumers/{}': { body: described('consumer') },
  'DELETE /v3/OS-OAUTH1/consumers/{}': { anew: ['consumer'] },
  'GET /v3/users/{}/OS-OAUTH1/access_tokens': { path: ofAdmin },
  'GET /v3/users/{}/OS-OAUTH1/access_tokens/{}': { path: ofAdmin },
  'GET /v3/users/{}/OS-OAUTH1/access_tokens/{}/roles': { path: ofAdmin },
  'GET /v3/users/{}/OS-OAUTH1/access_tokens/{}/roles/{}': {
    path: ids => ({ ...ofAdmin(ids), role_id: ids['granted_role_id']! }),
  },
  'DELETE /v3/users/{}/OS-OAUTH1/access_tokens/{}': { anew: ['access token'], path: ofAdmin },

  'POST /v3/OS-TRUST/trusts': {
    body: ids => ({
      trust: {
        trustor_user_id: ids['user_id'],
        trustee_user_id: ids['trustee_user_id'],
        project_id: ids['project_id'],
        impersonation: false,
        roles: [{ name: 'member' }],
      },
    }),
    target: ids => ({
      target: { trust: { trustor_user_id: ids['user_id'], trustee_user_id: ids['trustee_user_id'] } },
    }),
  },
  'DELETE /v3/OS-TRUST/trusts/{}': { anew: ['trust'] },
  'GET /v3/OS-TRUST/trusts/{}/roles/{}': { path: ids => ({ role_id: ids['trust_role_id']! }) },
  'HEAD /v3/OS-TRUST/trusts/{}/roles/{}': { path: ids => ({ role_id: ids['trust_role_id']! }) },
  'identity:list_trusts_for_trustor': {
    target: ids => ({ target: { trust: { trustor_user_id: ids['trustor_user_id'] } } }),
  },
  'identity:list_trusts_for_trustee': {
    target: ids => ({ target: { trust: { trustee_user_id: ids['trustee_user_id'] } } }),
  },

  'GET /v3/auth/tokens': { headers: subject, target: ofToken },
  'HEAD /v3/auth/tokens': { headers: subject, target: ofToken },
  'DELETE /v3/auth/tokens': { anew: ['token of the owner'], headers: subject, target: ofToken },
  'POST /v3/s3tokens': { body: ids => s3Ask(ids) },
  'POST /v3/ec2tokens': { body: ids => ec2Ask(ids) },

  'GET /v3/credentials': { target: ofCaller },
  'POST /v3/credentials': {
    body: (ids, name) => ({ credential: { type: 'cert', blob: name, user_id: ids['user_id'] } }),
    target: ofOwner,
  },
  'PATCH /v3/credentials/{}': { body: () => ({ credential: { blob: 'changed' } }) },
  'DELETE /v3/credentials/{}': { anew: ['credential'] },
  'POST /v3/users/{}/credentials/OS-EC2': { body: ids => ({ tenant_id: ids['project_id'] }), target: ofOwner },
  'GET /v3/users/{}/credentials/OS-EC2/{}': { path: ec2, target: ofOwner },
  'DELETE /v3/users/{}/credentials/OS-EC2/{}': { anew: ['ec2 credential'], path: ec2, target: ofOwner },
  'POST /v3/users/{}/application_credentials': { body: named('application_credential') },
  'DELETE /v3/users/{}/application_credentials/{}': { anew: ['application credential'] },
  'DELETE /v3/users/{}/access_rules/{}': { anew: ['unused access rule'] },

  'GET /v3/domains': { target: ownDomain },
  'POST /v3/domains': { body: named('domain') },
  'PATCH /v3/domains/{}': { body: described('domain') },
  'DELETE /v3/domains/{}': { anew: ['disabled domain'] },
  'PUT /v3/domains/{}/config': { anew: ['domain'], body: () => ({ config: { ldap: { url: 'ldap://127.0.0.1' } } }) },
  'PATCH /v3/domains/{}/config': { path: configured, body: () => ({ config: { ldap: { url: 'ldap://127.0.0.2' } } }) },
  'PATCH /v3/domains/{}/config/{}': {
    path: configured,
    body: () => ({ config: { ldap: { url: 'ldap://127.0.0.2' } } }),
  },
  'PATCH /v3/domains/{}/config/{}/{}': { path: configured, body: () => ({ config: { url: 'ldap://127.0.0.2' } }) },
  'DELETE /v3/domains/{}/config': { anew: ['configured domain'] },
  'DELETE /v3/domains/{}/config/{}': { anew: ['configured domain'] },
  'DELETE /v3/domains/{}/config/{}/{}': { anew: ['configured domain'] },
  ...Object.fromEntries(
    ['GET', 'HEAD'].flatMap(method =>
      ['config', 'config/{}', 'config/{}/{}'].map(rest => [`${method} /v3/domains/{}/${rest}`, { path: configured }]),
    ),
  ),

  ...Object.fromEntries(
    // Told for the default domain only.
    ['GET', 'HEAD'].flatMap(method =>
      ['', '/{}'].map(rest => [
        `${method} /v3/domains/{}/config/security_compliance${rest}`,
        { path: () => ({ domain_id: 'default', option: 'password_regex' }) },
      ]),
    ),
  ),

  'POST /v3/endpoints': {
    body: ids => ({ endpoint: { service_id: ids['service_id'], interface: 'public', url: 'http://127.0.0.1/' } }),
  },
  'PATCH /v3/endpoints/{}': { body: () => ({ endpoint: { url: 'http://127.0.0.2/' } }) },
  'DELETE /v3/endpoints/{}': { anew: ['endpoint'] },
  'POST /v3/services': { body: (_, name) => ({ service: { name, type: name } }) },
  'PATCH /v3/services/{}': { body: described('service') },
  'DELETE /v3/services/{}': { anew: ['service'] },
  'POST /v3/regions': { body: () => ({ region: { description: 'new' } }) },
  'PUT /v3/regions/{}': { path: ids => ({ region_id: ids['new']! }), body: () => ({ region: {} }) },
  'PATCH /v3/regions/{}': { anew: ['region'], body: described('region') },
  'DELETE /v3/regions/{}': { anew: ['region'] },

  'GET /v3/groups': {
    target: (_, { body }) => (body.domain ? { target: { group: { domain_id: body.domain.id } } } : {}),
  },
  'POST /v3/groups': { body: named('group', inDomain), target: ids => ({ target: { group: inDomain(ids) } }) },
  'PATCH /v3/groups/{}': { body: described('group') },
  'DELETE /v3/groups/{}': { anew: ['group'] },
  'DELETE /v3/groups/{}/users/{}': { anew: ['group member'] },
  'PUT /v3/groups/{}/users/{}': { anew: ['user', 'group'] },
  'GET /v3/users': { target: ownDomain },
  'POST /v3/users': { body: named('user', inDomain), target: ids => ({ target: { user: inDomain(ids) } }) },
  'PATCH /v3/users/{}': { anew: ['user'], body: described('user') },
  'DELETE /v3/users/{}': { anew: ['user'] },
  'POST /v3/users/{}/password': {
    anew: ['user'],
    body: () => ({ user: { password: 'Another-one-2', original_password: password } }),
  },

  'POST /v3/limits': {
    anew: ['registered limit'],
    body: ids => ({
      limits: [
        {
          service_id: ids['service_id'],
          project_id: ids['project_id'],
          resource_name: ids['resource_name'],
          resource_limit: 4,
        },
      ],
    }),
  },
  'PATCH /v3/limits/{}': { body: () => ({ limit: { resource_limit: 6 } }) },
  'DELETE /v3/limits/{}': { anew: ['limit'] },
  'POST /v3/registered_limits': {
    body: (ids, resource_name) => ({
      registered_limits: [{ service_id: ids['service_id'], resource_name, default_limit: 10 }],
    }),
  },
  'PATCH /v3/registered_limits/{}': { body: () => ({ registered_limit: { default_limit: 11 } }) },
  'DELETE /v3/registered_limits/{}': { anew: ['registered limit'] },

  'POST /v3/policies': { body: () => ({ policy: text }) },
  'PATCH /v3/policies/{}': { body: () => ({ policy: text }) },
  'DELETE /v3/policies/{}': { anew: ['policy'] },
  ...Object.fromEntries(
    ['endpoints/{}', 'services/{}', 'services/{}/regions/{}'].flatMap(rest => [
      [`PUT /v3/policies/{}/OS-ENDPOINT-POLICY/${rest}`, { anew: ['policy'] }],
      [`GET /v3/policies/{}/OS-ENDPOINT-POLICY/${rest}`, { anew: ['associations'] }],
      [`DELETE /v3/policies/{}/OS-ENDPOINT-POLICY/${rest}`, { anew: ['associations'] }],
    ]),
  ),

  'GET /v3/projects': { target: ownDomain },
  'POST /v3/projects': { body: named('project', inDomain), target: ids => ({ target: { project: inDomain(ids) } }) },
  'PATCH /v3/projects/{}': { anew: ['project'], body: described('project') },
  'DELETE /v3/projects/{}': { anew: ['project'] },
  'PUT /v3/projects/{}/tags': { anew: ['project'], body: () => ({ tags: ['green'] }) },
  'PUT /v3/projects/{}/tags/{}': { anew: ['project'] },
  'DELETE /v3/projects/{}/tags': { anew: ['tagged project'] },
  'DELETE /v3/projects/{}/tags/{}': { anew: ['tagged project'] },

  'GET /v3/role_assignments': { target: ownDomain },
  'identity:list_role_assignments_for_tree': {
    query: ids => `include_subtree=true&scope.project.id=${ids['project_id']}`,
    target: ids => ({ target: inDomain(ids) }),
  },
  'POST /v3/roles': { body: named('role') },
  'PATCH /v3/roles/{}': { anew: ['role'], body: described('role') },
  'DELETE /v3/roles/{}': { anew: ['role'] },
  'identity:create_domain_role': { body: named('role', inDomain) },
  'identity:get_domain_role': { path: roleOfDomain },
  'identity:update_domain_role': { anew: ['role of the domain'], body: described('role') },
  'identity:delete_domain_role': { anew: ['role of the domain'] },
  'PUT /v3/roles/{}/implies/{}': { anew: ['two roles'] },
  'DELETE /v3/roles/{}/implies/{}': { anew: ['inference'] },
  ...Object.fromEntries(
    ['user', 'group'].flatMap(kind =>
      [
        '/v3/projects/{}',
        '/v3/domains/{}',
        '/v3/system',
        '/v3/OS-INHERIT/projects/{}',
        '/v3/OS-INHERIT/domains/{}',
      ].flatMap(where => {
        const path = `${where}/${kind}s/{}/roles/{}${where.includes('INHERIT') ? '/inherited_to_projects' : ''}`;
        return [
          [`DELETE ${path}`, { anew: [`grants of a ${kind}`] }],
          [`PUT ${path}`, { anew: [kind] }],
        ];
      }),
    ),
  ),
};

/** Segments before which `{id}` stands, where a table names it no better. */
const idAfter: Record<string, string> = {
  mappings: 'mapping_id',
  identity_providers: 'idp_id',
  service_providers: 'sp_id',
};

export function shapeOf(path: string): string {
  return path.split('?')[0]!.replaceAll(/\{[^}]*\}/g, '{}');
}

export function wayOf(method: string, path: string, rule = ''): Way {
  return (
    ways[rule] ?? ways[`${method} ${shapeOf(path)}`] ?? (method === 'HEAD' ? (ways[`GET ${shapeOf(path)}`] ?? {}) : {})
  );
}

/** The call as it is made. `ids` are the estate's, those made anew among them. */
export function callOf(method: string, template: string, way: Way, ids: Ids, name: string): Call {
  const known = { ...ids, ...way.path?.({ ...ids, new: name }) };
  const [path = '', query = ''] = template.split('?');
  const filled = (part: string): string =>
    part.replaceAll(/(\w*)([/=]?)\{(\w+)\}/g, (_, before: string, mark: string, parameter: string) => {
      const meant =
        parameter === 'id' || /^(idp|mapping|service_provider)_id$/.test(parameter) ? idAfter[before] : null;
      return `${before}${mark}${known[meant ?? aliases[parameter] ?? parameter] ?? 'nothing'}`;
    });
  const asked = way.query?.(ids) ?? filled(query);
  return {
    method,
    path: filled(path) + (asked ? `?${asked}` : ''),
    ...(way.body ? { body: way.body(ids, name) } : {}),
    ...(way.headers ? { headers: way.headers(ids) } : {}),
  };
}

const aliases: Ids = { value: 'tag', implies_role_id: 'implied_role_id' };

/** What a rule may look at: the ids in the path, and what they stand for. */
export function targetOf(template: string, way: Way, ids: Ids, caller: Caller): Json {
  const inPath = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const domain_id = ids['domain_id'];
  const owner = { trustor_user_id: ids['user_id'], trustee_user_id: ids['trustee_user_id'] };
  const facts: Json = {
    user_id: { user: { id: ids['user_id'], domain_id } },
    group_id: { group: { id: ids['group_id'], domain_id } },
    project_id: { project: { id: ids['project_id'], domain_id } },
    domain_id: { domain: { id: domain_id } },
    role_id: { role: { name: way.anew?.includes('role') ? 'thing' : 'reader', domain_id: null } },
    credential_id: { credential: { user_id: ids['user_id'] } },
    trust_id: { trust: owner },
    limit_id: { limit: { project_id: ids['project_id'], domain_id: null, project: { domain_id } } },
  };
  const target = Object.assign({}, ...inPath.map(name => facts[name] ?? {}));
  const flat = Object.fromEntries(inPath.map(name => [name, ids[name]]));
  const asked = way.target?.(ids, caller) ?? {};
  return { ...flat, ...asked, target: { ...target, ...asked.target } };
}

/** Ids of an estate with what a way wants anew. */
export async function idsFor(estate: Estate, way: Way): Promise<Ids> {
  const ids = { ...estate.ids };
  for (const kind of way.anew ?? []) Object.assign(ids, await estate.make(kind));
  return ids;
}

/** A request signed as clients of S3 did first. */
function s3Ask(ids: Ids): unknown {
  const token = `GET\n\n\n${new Date(ids['time']!).toUTCString()}\n/johnsmith/photos/puppy.jpg`;
  const signature = createHmac('sha1', ids['secret']!).update(token).digest('base64');
  return { credentials: { access: ids['access'], signature, token: Buffer.from(token).toString('base64') } };
}

/** A request signed as EC2's signature version 2 says; it is good for some minutes. */
function ec2Ask(ids: Ids): unknown {
  const params: Ids = {
    AWSAccessKeyId: ids['access']!,
    Action: 'DescribeInstances',
    SignatureMethod: 'HmacSHA256',
    SignatureVersion: '2',
    Timestamp: ids['time']!,
  };
  const query = Object.keys(params)
    .sort()
    .map(name => `${name}=${encodeURIComponent(params[name]!)}`)
    .join('&');
  const signature = createHmac('sha256', ids['secret']!).update(`GET\nec2.example\n/\n${query}`).digest('base64');
  return {
    credentials: { access: ids['access'], signature, host: 'ec2.example:8773', verb: 'GET', path: '/', params },
  };
}
