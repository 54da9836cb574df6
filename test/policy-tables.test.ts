// Our default rules decide as the tables of the OpenStack services do: the same answer for every rule that both have, every
// caller and every target. What differs on purpose is listed with its reason.

import { deepEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Credentials, Target } from '#/platform/access/policy.ts';
import { createPolicy, type PolicyDefault } from '#/platform/access/policy.ts';
import { rulesOf } from '#/reference/policy-reference.ts';
import { declaredServices } from '#/reference/declared-services.ts';

const tables = join(import.meta.dirname, '../../shared/api-ops');

/** Service → the name of its table. */
const tableOf: Record<string, string> = {
  identity: 'keystone',
  compute: 'nova',
  network: 'neutron',
  image: 'glance',
  volume: 'cinder',
  'block-storage': 'cinder',
  placement: 'placement',
};

/** Rules that decide otherwise here, and why. */
const accepted: Record<string, string> = {
  create_port: 'a reader writes nothing, not even on a shared network',
  list_metadef_resource_types: 'resource types belong to no project',
  'volume_extension:type_get': 'volume types belong to the cloud, not to a project',
  'volume_extension:types_extra_specs:index': 'volume types belong to the cloud, not to a project',
  'volume_extension:types_extra_specs:show': 'volume types belong to the cloud, not to a project',
};

/**
 * Neutron asks about fields of the target by `field:networks:shared=True`, our rules by `True:%(shared)s` of a network and
 * `True:%(network:shared)s` of what is on one. Both look at the same facts here.
 */
const checkKinds = new Map(
  ['field', 'not_default_rbac', 'rbac'].map(kind => [
    kind,
    (match: string) => (_: Credentials, target: Target) =>
      (target['fields'] as string[] | undefined)?.includes(match) ?? false,
  ]),
);

const own = 'p-own';
const foreign = 'p-foreign';

const callers: Record<string, Credentials> = {};
const roleSets = {
  admin: ['admin', 'manager', 'member', 'reader'],
  manager: ['manager', 'member', 'reader'],
  member: ['member', 'reader'],
  reader: ['reader'],
  service: ['service'],
  none: [],
};
for (const [role, roles] of Object.entries(roleSets)) {
  const person = {
    roles,
    user_id: 'u-own',
    user_domain_id: 'd-own',
    project_domain_id: null,
    is_admin_project: false,
    is_admin: role === 'admin',
    system_scope: null,
    domain_id: null,
    project_id: null,
  };
  callers[`${role} of the project`] = { ...person, project_id: own, project_domain_id: 'd-own' };
  callers[`${role} of another project`] = {
    ...person,
    user_id: 'u-foreign',
    project_id: foreign,
    project_domain_id: 'd-foreign',
    user_domain_id: 'd-foreign',
  };
  callers[`${role} of the domain`] = { ...person, domain_id: 'd-own' };
  callers[`${role} of the system`] = { ...person, system_scope: 'all' };
}

/** What a rule may look at; both sides get the same. */
function targets(names: string[], fields: string[]): Record<string, Target> {
  const valueOf = (name: string, side: 'own' | 'foreign'): unknown => {
    const last = name.split('.').at(-1)!;
    if (/visibility/.test(last)) return side === 'own' ? 'public' : 'private';
    if (/user_id|trustor|trustee|\buser\.id/.test(name)) return `u-${side}`;
    if (/domain/.test(name)) return `d-${side}`;
    if (/status/.test(last)) return side;
    return `p-${side}`;
  };
  const facts = (true_: string[]): Target => ({
    ...Object.assign({}, ...fields.map(field => fieldFacts(field, false))),
    ...Object.assign({}, ...true_.map(field => fieldFacts(field, true))),
    fields: true_,
  });
  const ids = (side: 'own' | 'foreign'): Target => Object.fromEntries(names.map(name => [name, valueOf(name, side)]));
  const found: Record<string, Target> = {
    'what is nobody’s': { ...Object.fromEntries(names.map(name => [name, null])), ...facts([]) },
    nothing: { fields: [] },
  };
  for (const true_ of [[], ...fields.map(field => [field]), fields]) {
    const which = true_.length ? ` where ${true_.join(', ')}` : '';
    found[`own${which}`] = { ...ids('own'), ...facts(true_) };
    found[`foreign${which}`] = { ...ids('foreign'), ...facts(true_) };
  }
  return found;
}

/** `networks:shared=True` in the names that our rules use. */
function fieldFacts(field: string, holds: boolean): Target {
  const [, name = '', pattern = '', value = ''] = /^\w+?:(.+?)=(~?)(.*)$/.exec(field) ?? [];
  if (pattern) return { [`${value.replaceAll(/\W/g, '')}_device`]: holds };
  const written = holds ? value : value === 'True' ? 'False' : value === 'False' ? 'True' : `not ${value}`;
  return { [name]: written, [`network:${name}`]: written };
}

const unknown: string[] = [];

test('default rules decide as the tables do', async t => {
  if (!existsSync(tables)) return t.skip('the tables of ../shared/api-ops are not here');
  for (const service of await declaredServices()) {
    const file = join(tables, `${tableOf[service.name]}-policy.tsv`);
    if (!existsSync(file)) continue;
    await t.test(service.name, () => {
      const table = readTable(file);
      const differences: string[] = [];
      let compared = 0;
      for (const { name, check } of rulesOf(service)) {
        const theirs = table.get(name);
        if (theirs === undefined) {
          if (!name.startsWith('haneul:')) unknown.push(`${service.name}: ${name}`);
          continue;
        }
        if (name in accepted) continue;
        compared++;
        const difference = firstDifference(check, theirs, table);
        if (difference) differences.push(`${name}: ${difference}\n  ours:   ${check}\n  theirs: ${theirs}`);
      }
      t.diagnostic(`${service.name}: ${compared} rules compared`);
      deepEqual(differences, [], differences.join('\n'));
    });
  }
});

test("rules that the tables lack are named as ours, 'haneul:…'", () => {
  deepEqual(unknown, []);
});

test('the list of accepted differences holds nothing that is gone', async t => {
  if (!existsSync(tables)) return t.skip('the tables of ../shared/api-ops are not here');
  const names = new Set((await declaredServices()).flatMap(service => rulesOf(service).map(({ name }) => name)));
  for (const name of Object.keys(accepted)) ok(names.has(name), `${name} is no rule of ours any more`);
});

/** Rule → its check string with every `rule:` replaced. */
function readTable(file: string): Map<string, string> {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const column = head.split('\t').indexOf('expanded');
  return new Map(lines.map(line => line.split('\t')).map(cells => [cells[0]!, cells[column] ?? '']));
}

function firstDifference(ours: string, theirs: string, table: Map<string, string>): string | undefined {
  const helpers = [...table].filter(([name]) => !name.includes(':')).map(([name, check]) => [name, check] as const);
  const defaults = (check: string): Map<string, PolicyDefault> =>
    new Map([...helpers, ['rule asked', check] as const].map(([name, of]) => [name, { check: of, description: '' }]));
  const left = createPolicy({ defaults: defaults(ours), checkKinds });
  const right = createPolicy({ defaults: defaults(theirs), checkKinds });
  const asked = `${ours} ${theirs}`;
  const text = asked.includes('rule:') ? `${asked} ${helpers.map(([, check]) => check).join(' ')}` : asked;
  const names = [...new Set([...text.matchAll(/%\(([^)]+)\)s/g)].map(([, name = '']) => name))];
  const fields = [...new Set([...text.matchAll(/\bfield:([^\s)]+)/g)].map(([, match = '']) => match))];
  for (const [who, credentials] of Object.entries(callers))
    for (const [what, target] of Object.entries(targets(names, fields))) {
      const answer = left.allows('rule asked', credentials, target);
      if (answer !== right.allows('rule asked', credentials, target))
        return `${who} on ${what}: ${answer ? 'allowed here, refused there' : 'refused here, allowed there'}`;
    }
  return undefined;
}
