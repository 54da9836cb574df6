// What the table of operations does not name one by one: the ways to log in, and requests that are wrong.

import { type Ids, password } from '../identity/estate.ts';

export interface More {
  name: string;
  method: string;
  path(ids: Ids): string;
  body?(ids: Ids): unknown;
  headers?(ids: Ids): Record<string, string>;
  /** Who asks; the project's administrator by default. */
  by?: string;
}

const byPassword = (user: unknown, scope?: unknown): unknown => ({
  auth: { identity: { methods: ['password'], password: { user } }, ...(scope ? { scope } : {}) },
});
const owner = (ids: Ids): unknown => ({ id: ids['user_id'], password });
const login = (name: string, body: (ids: Ids) => unknown, query = ''): More => ({
  name: `login: ${name}`,
  method: 'POST',
  path: () => `/v3/auth/tokens${query}`,
  body,
  by: 'nobody',
});
const byToken = (ids: Ids): unknown => ({ methods: ['token'], token: { id: ids['subject'] } });
const tokens = (name: string, method: string, headers: More['headers'], query = ''): More => ({
  name: `token: ${name}`,
  method,
  path: () => `/v3/auth/tokens${query}`,
  headers,
});
const subject: More['headers'] = ids => ({ 'x-subject-token': ids['subject']! });
const wrong = (name: string, method: string, path: More['path'], body?: More['body']): More => ({
  name: `wrong: ${name}`,
  method,
  path,
  body,
});
const at =
  (path: string): (() => string) =>
  () =>
    path;
const nowhere = 'f'.repeat(32);

export const more: More[] = [
  login('unscoped', ids => byPassword(owner(ids))),
  login('unscoped, in so many words', ids => byPassword(owner(ids), 'unscoped')),
  login('to a project', ids => byPassword(owner(ids), { project: { id: ids['project_id'] } })),
  login(
    'to a project, without catalog',
    ids => byPassword(owner(ids), { project: { id: ids['project_id'] } }),
    '?nocatalog',
  ),
  login('to a domain', ids => byPassword(owner(ids), { domain: { id: ids['domain_id'] } })),
  login('to the system', ids => byPassword(owner(ids), { system: { all: true } })),
  login('to a project that is not there', ids => byPassword(owner(ids), { project: { id: nowhere } })),
  login('to a project of others', ids => byPassword(owner(ids), { project: { id: ids['other_project_id'] } })),
  login('wrong password', ids => byPassword({ id: ids['user_id'], password: 'wrong' })),
  login('unknown user', () => byPassword({ id: nowhere, password })),
  login('unknown name', () => byPassword({ name: 'nobody-at-all', domain: { id: 'default' }, password })),
  login('name without domain', () => byPassword({ name: 'admin', password })),
  login('password of another type', ids => byPassword({ id: ids['user_id'], password: 12 })),
  login('without method', () => ({ auth: { identity: {} } })),
  login('no method', () => ({ auth: { identity: { methods: [] } } })),
  login('method without data', () => ({ auth: { identity: { methods: ['password'] } } })),
  login('unknown method', () => ({ auth: { identity: { methods: ['magic'], magic: {} } } })),
  login('empty', () => ({})),
  login('empty auth', () => ({ auth: {} })),
  login('by token', ids => ({ auth: { identity: byToken(ids) } })),
  login('by token, to a project', ids => ({
    auth: { identity: byToken(ids), scope: { project: { id: ids['project_id'] } } },
  })),
  login('by a token that is none', () => ({ auth: { identity: { methods: ['token'], token: { id: 'none' } } } })),
  login('by a trust', ids =>
    byPassword({ id: ids['trustee_user_id'], password }, { 'OS-TRUST:trust': { id: ids['trust_id'] } }),
  ),
  login('by a trust of others', ids => byPassword(owner(ids), { 'OS-TRUST:trust': { id: ids['trust_id'] } })),
  login('by an application credential', ids => ({
    auth: {
      identity: {
        methods: ['application_credential'],
        application_credential: { id: ids['application_credential_id'], secret: ids['application_credential_secret'] },
      },
    },
  })),
  login('by a wrong application credential', ids => ({
    auth: {
      identity: {
        methods: ['application_credential'],
        application_credential: { id: ids['application_credential_id'], secret: 'wrong' },
      },
    },
  })),

  tokens('no subject', 'GET', undefined),
  tokens('no subject, HEAD', 'HEAD', undefined),
  tokens('no subject, DELETE', 'DELETE', undefined),
  tokens('unknown subject', 'GET', () => ({ 'x-subject-token': 'none' })),
  tokens('unknown subject, HEAD', 'HEAD', () => ({ 'x-subject-token': 'none' })),
  tokens('unknown subject, DELETE', 'DELETE', () => ({ 'x-subject-token': 'none' })),
  tokens('without catalog', 'GET', subject, '?nocatalog'),
  tokens('though ended', 'GET', subject, '?allow_expired=1'),
  tokens('another method', 'PATCH', subject),

  wrong('no such path', 'GET', at('/v3/nothing')),
  wrong('no such user', 'GET', at(`/v3/users/${nowhere}`)),
  wrong('no such project', 'GET', at(`/v3/projects/${nowhere}`)),
  wrong('no such domain', 'GET', at(`/v3/domains/${nowhere}`)),
  wrong('no such group', 'GET', at(`/v3/groups/${nowhere}`)),
  wrong('no such role', 'GET', at(`/v3/roles/${nowhere}`)),
  wrong('no such service', 'GET', at(`/v3/services/${nowhere}`)),
  wrong('no such endpoint', 'GET', at(`/v3/endpoints/${nowhere}`)),
  wrong('no such region', 'GET', at(`/v3/regions/${nowhere}`)),
  wrong('no such credential', 'GET', at(`/v3/credentials/${nowhere}`)),
  wrong('no such policy', 'GET', at(`/v3/policies/${nowhere}`)),
  wrong('no such trust', 'GET', at(`/v3/OS-TRUST/trusts/${nowhere}`)),
  wrong('no such limit', 'GET', at(`/v3/limits/${nowhere}`)),
  wrong('user without name', 'POST', at('/v3/users'), () => ({ user: {} })),
  wrong('user without user', 'POST', at('/v3/users'), () => ({})),
  wrong('user of another type', 'POST', at('/v3/users'), () => ({ user: { name: 1 } })),
  wrong('user of no domain', 'POST', at('/v3/users'), () => ({ user: { name: 'x', domain_id: nowhere } })),
  wrong('user twice', 'POST', at('/v3/users'), () => ({ user: { name: 'admin', domain_id: 'default' } })),
  wrong('user with a long name', 'POST', at('/v3/users'), () => ({ user: { name: 'x'.repeat(256) } })),
  wrong('user enabled maybe', 'POST', at('/v3/users'), () => ({ user: { name: 'x', enabled: 'maybe' } })),
  wrong(
    'user moved',
    'PATCH',
    ids => `/v3/users/${ids['user_id']}`,
    ids => ({
      user: { domain_id: ids['other_domain_id'] },
    }),
  ),
  wrong('project twice', 'POST', at('/v3/projects'), () => ({ project: { name: 'admin', domain_id: 'default' } })),
  wrong('project without name', 'POST', at('/v3/projects'), () => ({ project: {} })),
  wrong('project below nothing', 'POST', at('/v3/projects'), () => ({ project: { name: 'x', parent_id: nowhere } })),
  wrong('project with odd tags', 'POST', at('/v3/projects'), () => ({ project: { name: 'x', tags: ['a/b'] } })),
  wrong('domain that is enabled', 'DELETE', ids => `/v3/domains/${ids['other_domain_id']}`),
  wrong('domain twice', 'POST', at('/v3/domains'), () => ({ domain: { name: 'Default' } })),
  wrong('role twice', 'POST', at('/v3/roles'), () => ({ role: { name: 'admin' } })),
  wrong('role without name', 'POST', at('/v3/roles'), () => ({ role: {} })),
  wrong('role that lasts', 'DELETE', ids => `/v3/roles/${ids['role_id']}`),
  wrong('group of a number', 'POST', at('/v3/groups'), () => ({ group: { name: 5 } })),
  wrong('nobody into a group', 'PUT', ids => `/v3/groups/${ids['group_id']}/users/${nowhere}`),
  wrong(
    'somebody who is not in the group',
    'DELETE',
    ids => `/v3/groups/${ids['group_id']}/users/${ids['trustee_user_id']}`,
  ),
  wrong(
    'no role to a user',
    'PUT',
    ids => `/v3/projects/${ids['project_id']}/users/${ids['user_id']}/roles/${nowhere}`,
  ),
  wrong('a role to nobody', 'PUT', ids => `/v3/projects/${ids['project_id']}/users/${nowhere}/roles/${ids['role_id']}`),
  wrong(
    'a role in no project',
    'PUT',
    ids => `/v3/projects/${nowhere}/users/${ids['user_id']}/roles/${ids['role_id']}`,
  ),
  wrong(
    'a role that is not given',
    'DELETE',
    ids => `/v3/projects/${ids['project_id']}/users/${ids['trustee_user_id']}/roles/${ids['role_id']}`,
  ),
  wrong(
    'a role that is not given, HEAD',
    'HEAD',
    ids => `/v3/projects/${ids['project_id']}/users/${ids['trustee_user_id']}/roles/${ids['role_id']}`,
  ),
  wrong('region twice', 'POST', at('/v3/regions'), ids => ({ region: { id: ids['region_id'] } })),
  wrong('region below nothing', 'POST', at('/v3/regions'), () => ({ region: { parent_region_id: nowhere } })),
  wrong('service without type', 'POST', at('/v3/services'), () => ({ service: { name: 'x' } })),
  wrong('endpoint of nothing', 'POST', at('/v3/endpoints'), () => ({
    endpoint: { service_id: nowhere, interface: 'public', url: 'http://x/' },
  })),
  wrong('endpoint of an odd interface', 'POST', at('/v3/endpoints'), ids => ({
    endpoint: { service_id: ids['service_id'], interface: 'secret', url: 'http://x/' },
  })),
  wrong('credential without blob', 'POST', at('/v3/credentials'), () => ({ credential: { type: 'cert' } })),
  wrong('ec2 credential of no project', 'POST', at('/v3/credentials'), ids => ({
    credential: { type: 'ec2', blob: '{"access": "a", "secret": "b"}', user_id: ids['user_id'] },
  })),
  wrong('limit of nothing', 'POST', at('/v3/limits'), ids => ({
    limits: [
      { service_id: ids['service_id'], project_id: ids['project_id'], resource_name: 'nothing', resource_limit: 1 },
    ],
  })),
  wrong('limit of no number', 'POST', at('/v3/limits'), ids => ({
    limits: [{ service_id: ids['service_id'], resource_name: 'x', resource_limit: 'many' }],
  })),
  wrong('registered limit that is used', 'DELETE', ids => `/v3/registered_limits/${ids['limited_id']}`),
  wrong('mapping without rules', 'PUT', at('/v3/OS-FEDERATION/mappings/x'), () => ({ mapping: { rules: [] } })),
  wrong('provider of no domain', 'PUT', at('/v3/OS-FEDERATION/identity_providers/x'), () => ({
    identity_provider: { domain_id: nowhere },
  })),
  wrong(
    'own password, wrong original',
    'POST',
    ids => `/v3/users/${ids['user_id']}/password`,
    () => ({
      user: { password: 'New-one-1', original_password: 'wrong' },
    }),
  ),
  wrong('trust of others', 'POST', at('/v3/OS-TRUST/trusts'), ids => ({
    trust: { trustor_user_id: ids['user_id'], trustee_user_id: ids['trustee_user_id'], impersonation: true },
  })),
  wrong(
    'application credential of others',
    'POST',
    ids => `/v3/users/${ids['user_id']}/application_credentials`,
    () => ({
      application_credential: { name: 'x' },
    }),
  ),
];
