// The ready roles: what each may and may not, with all bundles applied at once, so that none widens another.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { knownRules } from '#/cli/policy-bundle.ts';
import { type Bundle, readBundles, rulesOfBundles } from '#/platform/access/bundles.ts';
import { createPolicy, type Credentials, type Policy, type Target } from '#/platform/access/policy.ts';

const compute = 'os_compute_api:';
const own = ofProject('p-own');
const foreign = ofProject('p-far');
function ofProject(id: string): Target {
  const names = ['project_id', 'tenant_id', 'owner', 'network:project_id', 'security_group:project_id'];
  return { user_id: `u-of-${id}`, ...Object.fromEntries(names.map(name => [name, id])) };
}

const inDomain = (id: string, role = 'member'): Target => ({
  target: {
    domain_id: id,
    domain: { id },
    user: { id: 'u-x', domain_id: id },
    group: { domain_id: id },
    project: { id: 'p-x', domain_id: id },
    role: { name: role, domain_id: null },
  },
});
const onProject = (id: string, role: string): Target => ({
  target: { user: { domain_id: 'd-own' }, project: { id, domain_id: 'd-own' }, role: { name: role, domain_id: null } },
});

/** Bundle → scope of the token, and the calls: rule, what on, and whether. */
const tables: Record<string, { scope: 'project' | 'domain'; calls: [string, Target, boolean][] }> = {
  cloudadmin: {
    scope: 'project',
    calls: [
      ['identity:create_user', inDomain('d-far'), true],
      ['identity:create_role', {}, true],
      [`${compute}os-flavor-manage:create`, {}, true],
      [`${compute}servers:delete`, foreign, true],
      ['create_network:provider:network_type', foreign, true],
      ['volume_extension:type_create', {}, true],
      ['haneul:operations:abandon', {}, true],
    ],
  },
  projectmanager: {
    scope: 'project',
    calls: [
      [`${compute}servers:create`, own, true],
      ['volume:create', own, true],
      ['create_network', own, true],
      ['identity:create_grant', onProject('p-own', 'member'), true],
      ['identity:revoke_grant', onProject('p-own', 'developer'), true],
      ['identity:list_grants', onProject('p-own', 'member'), true],
      ['identity:create_grant', onProject('p-own', 'admin'), false],
      ['identity:create_grant', onProject('p-own', 'cloudadmin'), false],
      ['identity:create_grant', onProject('p-far', 'member'), false],
      ['identity:create_user', inDomain('d-own'), false],
      [`${compute}servers:delete`, foreign, false],
      [`${compute}os-flavor-manage:create`, {}, false],
      [`${compute}os-quota-sets:update`, own, false],
    ],
  },
  netadmin: {
    scope: 'project',
    calls: [
      ['create_network', own, true],
      ['create_subnet', own, true],
      ['create_router', own, true],
      ['update_router', own, true],
      ['create_floatingip', own, true],
      ['update_floatingip', own, true],
      ['create_security_group_rule', own, true],
      [`${compute}os-attach-interfaces:create`, own, true],
      [`${compute}os-security-groups:add`, own, true],
      [`${compute}servers:show`, own, true],
      ['create_router', foreign, false],
      ['update_floatingip', foreign, false],
      ['create_network:provider:network_type', own, false],
      ['create_network:shared', own, false],
      [`${compute}servers:create`, own, false],
      [`${compute}servers:delete`, own, false],
      [`${compute}os-flavor-manage:create`, {}, false],
      ['volume:create', own, false],
      ['identity:create_project', inDomain('d-own'), false],
    ],
  },
  itsec: {
    scope: 'project',
    calls: [
      [`${compute}servers:detail`, foreign, true],
      [`${compute}servers:detail:get_all_tenants`, {}, true],
      [`${compute}servers:show`, foreign, true],
      [`${compute}os-pause-server:pause`, foreign, true],
      [`${compute}os-pause-server:unpause`, foreign, true],
      [`${compute}os-lock-server:lock`, foreign, true],
      [`${compute}servers:stop`, foreign, true],
      [`${compute}os-security-groups:add`, foreign, true],
      ['get_port', foreign, true],
      ['update_port', foreign, true],
      [`${compute}servers:create`, own, false],
      [`${compute}servers:delete`, foreign, false],
      [`${compute}servers:reboot`, foreign, false],
      [`${compute}os-console-output`, foreign, false],
      ['create_network', own, false],
      ['volume:get', foreign, false],
      ['download_image', { ...foreign, visibility: 'private' }, false],
      ['identity:list_users', inDomain('d-own'), false],
    ],
  },
  developer: {
    scope: 'project',
    calls: [
      [`${compute}servers:create`, own, true],
      [`${compute}servers:delete`, own, true],
      ['volume:create', own, true],
      ['create_network', own, true],
      ['add_image', own, true],
      [`${compute}servers:delete`, foreign, false],
      [`${compute}os-flavor-manage:create`, {}, false],
      ['create_network:shared', own, false],
      ['identity:create_grant', onProject('p-own', 'member'), false],
      ['identity:create_user', inDomain('d-own'), false],
    ],
  },
  domain_admin: {
    scope: 'domain',
    calls: [
      ['identity:create_user', inDomain('d-own'), true],
      ['identity:delete_user', inDomain('d-own'), true],
      ['identity:create_project', inDomain('d-own'), true],
      ['identity:delete_project', inDomain('d-own'), true],
      ['identity:create_group', inDomain('d-own'), true],
      ['identity:create_grant', inDomain('d-own', 'member'), true],
      ['identity:list_role_assignments', inDomain('d-own'), true],
      ['identity:get_domain', inDomain('d-own'), true],
      ['identity:create_grant', inDomain('d-own', 'admin'), false],
      ['identity:create_user', inDomain('d-far'), false],
      ['identity:delete_user', inDomain('d-far'), false],
      ['identity:create_project', inDomain('d-far'), false],
      ['identity:get_domain', inDomain('d-far'), false],
      ['identity:create_grant', inDomain('d-far', 'member'), false],
      ['identity:create_domain', {}, false],
      ['identity:create_role', {}, false],
      [`${compute}servers:delete`, foreign, false],
    ],
  },
  monitor: {
    scope: 'project',
    calls: [
      [`${compute}servers:detail`, foreign, true],
      [`${compute}servers:detail:get_all_tenants`, {}, true],
      [`${compute}os-server-groups:index:all_projects`, {}, true],
      ['context_with_global_access', {}, true],
      ['haneul:images:all_projects', {}, true],
      ['haneul:volumes:all_projects', {}, true],
      ['get_network', foreign, true],
      ['get_image', { ...foreign, visibility: 'private' }, true],
      ['volume:get_all', foreign, true],
      ['download_image', { ...foreign, visibility: 'private' }, false],
      [`${compute}os-hypervisors:statistics`, {}, true],
      [`${compute}os-services:list`, {}, true],
      [`${compute}os-instance-actions:list`, foreign, true],
      ['placement:resource_providers:usages', {}, true],
      ['get_agent', {}, true],
      ['volume_extension:services:index', {}, true],
      ['identity:list_projects', inDomain('d-far'), true],
      ['haneul:status', {}, true],
      ['haneul:operations:list', {}, true],
      ['haneul:audit', {}, true],
      [`${compute}servers:create`, own, false],
      [`${compute}servers:delete`, own, false],
      [`${compute}os-pause-server:pause`, own, false],
      [`${compute}os-console-output`, own, false],
      ['create_network', own, false],
      ['volume:create', own, false],
      ['identity:create_credential', { target: { credential: { user_id: 'u-own' } } }, false],
      ['identity:create_application_credential', { user_id: 'u-own' }, false],
      ['identity:get_credential', { target: { credential: { user_id: 'u-far' } } }, false],
      ['identity:revoke_token', { target: { token: { user_id: 'u-own' } } }, true],
      ['haneul:operations:abandon', {}, false],
    ],
  },
};

const implied: Record<string, string[]> = { admin: ['manager'], manager: ['member'], member: ['reader'] };

function rolesOf({ role, implies = [] }: Bundle): string[] {
  const below = (name: string): string[] => [name, ...(implied[name] ?? []).flatMap(below)];
  return [role, ...implies.flatMap(below)];
}

function callerOf(bundle: Bundle, scope: 'project' | 'domain'): Credentials {
  return {
    user_id: 'u-own',
    user_domain_id: 'd-own',
    project_id: scope === 'project' ? 'p-own' : null,
    project_domain_id: scope === 'project' ? 'd-own' : null,
    domain_id: scope === 'domain' ? 'd-own' : null,
    system_scope: null,
    is_admin_project: false,
    roles: rolesOf(bundle),
    token: scope === 'domain' ? { domain: { id: 'd-own' } } : { project: { domain: { id: 'd-own' } } },
  };
}

const known = await knownRules();
const names = new Set(known.map(({ name }) => name));
const bundles = readBundles();

function policyWith(applied: readonly Bundle[]): Policy {
  const defaults = new Map(known.map(({ name, check }) => [name, { check, description: '' }]));
  return createPolicy({ defaults, overrides: rulesOfBundles(applied, known) });
}

test('each bundle has its table', () => {
  deepEqual([...bundles.keys()].sort(), Object.keys(tables).sort());
  for (const bundle of bundles.values()) ok(bundle.en && bundle.ko);
});

for (const [name, { scope, calls }] of Object.entries(tables))
  test(`${name} may what it is for, and nothing else`, () => {
    const bundle = bundles.get(name)!;
    for (const applied of [[bundle], [...bundles.values()]]) {
      const policy = policyWith(applied);
      for (const [rule, target, allowed] of calls) {
        ok(names.has(rule), `${rule} is no rule`);
        equal(policy.allows(rule, callerOf(bundle, scope), target), allowed, `${rule} on ${JSON.stringify(target)}`);
      }
    }
  });

test('a monitor writes nothing at all, and reads whatever is read but secrets', () => {
  const policy = policyWith([...bundles.values()]);
  const monitor = callerOf(bundles.get('monitor')!, 'project');
  const mine = { project_id: 'p-own', user_id: 'u-own', target: { user: { id: 'u-own' } } };
  const writes = known.filter(({ methods }) => methods.some(method => method !== 'GET' && method !== 'HEAD'));
  const open = writes.filter(({ name }) => policy.allows(name, monitor, mine)).map(({ name }) => name);
  deepEqual(open, []);
  const reads = known.filter(({ methods }) => methods.length && methods.every(method => method === 'GET'));
  const closed = reads.filter(({ name }) => !policy.allows(name, monitor, {})).map(({ name }) => name);
  ok(reads.length - closed.length > 150, `${reads.length - closed.length} of ${reads.length}`);
  deepEqual(
    closed.filter(name => !/credential|access_(rule|token)|_token|_trust|domain_config|download_image/.test(name)),
    [],
  );
});

test('whoever has no bundle’s role may what they could before', () => {
  const [before, after] = [policyWith([]), policyWith([...bundles.values()])];
  for (const roles of [['admin', 'manager', 'member', 'reader'], ['member', 'reader'], ['reader'], ['service'], []])
    for (const scope of ['project', 'domain'] as const) {
      const caller = { ...callerOf({ role: '', en: '', ko: '' }, scope), roles };
      for (const { name } of known)
        for (const target of [own, foreign, inDomain('d-own'), inDomain('d-far'), {}])
          equal(after.allows(name, caller, target), before.allows(name, caller, target), `${name} by ${roles.join()}`);
    }
});
