// Mapping rules: a table of assertions and what comes of them.

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '#/platform/problem/problem.ts';
import { type Assertion, applyMapping, type Mapped } from '#/services/identity/federation/mappings/mapping.rules.ts';
import { checkRules, type SchemaVersion } from '#/services/identity/federation/mappings/mapping.schema.ts';

const alice: Assertion = {
  UserName: ['alice'],
  Email: ['alice@example.org'],
  orgPersonType: ['Employee', 'Contractor'],
  groups: ['dev', 'ops', 'admin-all'],
  single: ['dev'],
  project: ['alpha'],
};
const name = { type: 'UserName' };
const user = { user: { name: '{0}' } };
const groups = (requirement: object) => [
  { local: [{ ...user, groups: '{1}', domain: { id: 'd' } }], remote: [name, { type: 'groups', ...requirement }] },
];
const names = (list: string[]) => list.map(group => ({ name: group, domain: { id: 'd' } }));
const none = { groupIds: [], groupNames: [], projects: [] };
const aliceAlone: Mapped = { user: { name: 'alice', type: 'ephemeral' }, ...none };

const cases: [string, unknown[], Mapped, SchemaVersion?][] = [
  ['a name', [{ local: [user], remote: [name] }], aliceAlone],
  [
    'several placeholders in one text, and a brace for itself',
    [{ local: [{ user: { name: '{0} <{1}> {{x}}' } }], remote: [name, { type: 'Email' }] }],
    { ...aliceAlone, user: { name: 'alice <alice@example.org> {x}', type: 'ephemeral' } },
  ],
  [
    'conditions take no placeholder',
    [
      {
        local: [{ user: { name: '{0}', email: '{1}' } }],
        remote: [{ type: 'orgPersonType', any_one_of: ['Employee'] }, name, { type: 'Email' }],
      },
    ],
    { ...aliceAlone, user: { name: 'alice', email: 'alice@example.org', type: 'ephemeral' } },
  ],
  [
    'rules that do not fit are passed over',
    [
      { local: [{ user: { name: 'x' } }], remote: [{ type: 'orgPersonType', any_one_of: ['Guest'] }] },
      { local: [{ user: { name: 'y' } }], remote: [{ type: 'orgPersonType', not_any_of: ['Contractor'] }] },
      { local: [{ user: { name: 'z' } }], remote: [{ type: 'absent' }] },
      { local: [user, { group: { id: 'g' } }], remote: [name] },
    ],
    { ...aliceAlone, groupIds: ['g'] },
  ],
  [
    'the first user counts, groups add up, each once',
    [
      { local: [user, { group: { id: 'g1' } }], remote: [name] },
      { local: [{ user: { name: 'other' } }, { group: { id: 'g1' } }, { group: { id: 'g2' } }], remote: [name] },
    ],
    { ...aliceAlone, groupIds: ['g1', 'g2'] },
  ],
  [
    'any_one_of by expression',
    [{ local: [user], remote: [name, { type: 'Email', any_one_of: ['.*@example.org$'], regex: true }] }],
    aliceAlone,
  ],
  [
    'not_any_of by expression',
    [{ local: [user], remote: [name, { type: 'Email', not_any_of: ['@evil.org$'], regex: true }] }],
    aliceAlone,
  ],
  [
    'expressions look anywhere in the value, and know (?i)',
    [{ local: [user], remote: [name, { type: 'Email', any_one_of: ['(?i)EXAMPLE'], regex: true }] }],
    aliceAlone,
  ],
  ['all groups', groups({}), { ...aliceAlone, groupNames: names(['dev', 'ops', 'admin-all']) }],
  ['whitelist', groups({ whitelist: ['dev', 'qa'] }), { ...aliceAlone, groupNames: names(['dev']) }],
  ['blacklist', groups({ blacklist: ['dev'] }), { ...aliceAlone, groupNames: names(['ops', 'admin-all']) }],
  [
    'whitelist by expression',
    groups({ whitelist: ['^(dev|ops)$'], regex: true }),
    { ...aliceAlone, groupNames: names(['dev', 'ops']) },
  ],
  [
    'blacklist by expression',
    groups({ blacklist: ['^admin'], regex: true }),
    { ...aliceAlone, groupNames: names(['dev', 'ops']) },
  ],
  ['an empty whitelist lets nothing through', groups({ whitelist: [] }), aliceAlone],
  [
    'one group by name and domain',
    [{ local: [user, { group: { name: '{1}', domain: { name: 'Default' } } }], remote: [name, { type: 'single' }] }],
    { ...aliceAlone, groupNames: [{ name: 'dev', domain: { name: 'Default' } }] },
  ],
  [
    'group ids from the assertion, and in the form of a list',
    [
      {
        local: [{ ...user, group_ids: '{1}' }, { group_ids: '["x", "y"]' }],
        remote: [name, { type: 'groups', whitelist: ['dev', 'ops'] }],
      },
    ],
    { ...aliceAlone, groupIds: ['dev', 'ops', 'x', 'y'] },
  ],
  [
    'a local user of a domain',
    [{ local: [{ user: { name: '{0}', type: 'local', domain: { id: 'default' } } }], remote: [name] }],
    { ...none, user: { name: 'alice', type: 'local', domain: { id: 'default' } } },
  ],
  [
    'projects with roles',
    [
      {
        local: [user, { projects: [{ name: '{1}', roles: [{ name: 'member' }, { name: 'reader' }] }] }],
        remote: [name, { type: 'project' }],
      },
    ],
    {
      ...aliceAlone,
      projects: [
        {
          name: 'alpha',
          domain: null,
          roles: [
            { name: 'member', domain: null },
            { name: 'reader', domain: null },
          ],
        },
      ],
    },
  ],
  [
    'projects in a domain of their own (2.0)',
    [
      {
        local: [
          user,
          { projects: [{ name: '{1}', domain: { name: '{0}-domain' }, roles: [{ name: 'member' }] }] },
          { domain: { id: 'd2' }, projects: [{ name: 'beta', roles: [] }] },
        ],
        remote: [name, { type: 'project' }],
      },
    ],
    {
      ...aliceAlone,
      projects: [
        { name: 'alpha', domain: { name: 'alice-domain' }, roles: [{ name: 'member', domain: null }] },
        { name: 'beta', domain: { id: 'd2' }, roles: [] },
      ],
    },
    '2.0',
  ],
];

for (const [title, rules, expected, version = '1.0'] of cases)
  test(`mapping: ${title}`, () => {
    deepEqual(applyMapping(checkRules(rules, version), version, alice), expected);
  });

const refusals: [string, unknown[], Assertion][] = [
  ['no rule fits', [{ local: [user], remote: [{ type: 'nothing' }] }], alice],
  ['a placeholder without a value', [{ local: [{ user: { name: '{7}' } }], remote: [name] }], alice],
  ['a user with several names', [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'groups' }] }], alice],
  ['groups without a domain', [{ local: [{ ...user, groups: '{0}' }], remote: [name] }], alice],
  ['attributes of the prototype are none', [{ local: [user], remote: [{ type: 'constructor' }] }], alice],
];
for (const [title, rules, assertion] of refusals)
  test(`mapping refuses: ${title}`, () => {
    throws(
      () => applyMapping(checkRules(rules, '1.0'), '1.0', assertion),
      (thrown: unknown) => thrown instanceof Problem && thrown.kind === 'unauthenticated',
    );
  });

const misshapen: [string, unknown][] = [
  ['no rules', []],
  ['no remote part', [{ local: [user] }]],
  ['an empty remote part', [{ local: [user], remote: [] }]],
  ['two conditions at once', [{ local: [user], remote: [{ type: 'a', any_one_of: ['x'], whitelist: ['y'] }] }]],
  ['a group name without a domain', [{ local: [{ group: { name: 'x' } }], remote: [name] }]],
  ['an unknown kind of user', [{ local: [{ user: { name: 'x', type: 'root' } }], remote: [name] }]],
  ['an unknown key', [{ local: [{ role: 'admin' }], remote: [name] }]],
  ['a broken expression', [{ local: [user], remote: [{ type: 'a', any_one_of: ['('], regex: true }] }]],
  [
    'a project domain in version 1.0',
    [{ local: [{ projects: [{ name: 'p', domain: {}, roles: [] }] }], remote: [name] }],
  ],
];
for (const [title, rules] of misshapen)
  test(`mapping rules are refused: ${title}`, () => {
    throws(
      () => checkRules(rules, '1.0'),
      (thrown: unknown) => thrown instanceof Problem && thrown.kind === 'invalid',
    );
  });

test('a hostile value does not slow an expression down: long ones are not tried', () => {
  const rules = checkRules(
    [{ local: [user], remote: [{ type: 'UserName', any_one_of: ['(a+)+$'], regex: true }] }],
    '1.0',
  );
  const started = performance.now();
  throws(() => applyMapping(rules, '1.0', { UserName: [`${'a'.repeat(5_000)}!`] }));
  equal(performance.now() - started < 500, true);
});
