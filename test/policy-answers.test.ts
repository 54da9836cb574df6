// Every operation that the table of Keystone's policies names, asked of the running service by every role in every scope:
// it is done for whom the table's rule allows it, and for nobody else.

import { deepEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callOf, idsFor, targetOf, wayOf } from './identity/calls.ts';
import { type Caller, makeEstate } from './identity/estate.ts';
import { keystoneAt } from './identity/keystone.ts';
import { allowsByText, type Facts } from './identity/rule-text.ts';
import { testCloud } from './test-cloud.ts';

const table = join(import.meta.dirname, '../../shared/api-ops/keystone-policy.tsv');

/** What else than success the allowed are told, and why. */
const accepted: Record<string, { status: number; to: RegExp; why: string }> = {
  'identity:get_auth_catalog': { status: 403, to: /of unscoped$/, why: 'a catalog is of a scope, there as here' },
  'identity:revocation_list': { status: 410, to: /./, why: 'there are no PKI tokens any more, there as here' },
};

interface Asked {
  rule: string;
  /** With every `rule:` replaced. */
  text: string;
  method: string;
  path: string;
}

test('operations are done for whom the table allows them', async t => {
  if (!existsSync(table)) return t.skip('the tables of ../shared/api-ops are not here');
  await using cloud = await testCloud({ hosts: 0, onlyAdmin: true });
  const keystone = keystoneAt(`${cloud.url}/identity`, () => cloud.clock.now());
  t.after(() => keystone.close());
  const estate = await makeEstate(keystone, { name: 'admin', domainId: 'default', password: 'admin-password' });
  const people = estate.callers.filter(({ name }) => name !== 'nobody');
  const wrong: string[] = [];
  let answers = 0;
  const asked = operations();
  for (const { rule, text, method, path } of asked) {
    const way = wayOf(method, path, rule);
    const ids = await idsFor(estate, way);
    const ask = (caller: Caller, dry: boolean) => {
      const call = callOf(method, path, way, ids, `new-${answers++}`);
      // Whatever it changes is taken back, so that the next caller finds all as it was.
      const headers = { ...call.headers, ...(dry ? { 'x-dry-run': 'true' } : {}) };
      return keystone.ask(method, call.path, { token: caller.token, body: call.body, headers });
    };
    let done = 0;
    for (const caller of people) {
      const { status, body } = await ask(caller, true);
      const wanted = allowsByText(text, credentialsOf(caller), targetOf(path, way, ids, caller) as Facts);
      const known = accepted[rule];
      const instead = known?.to.test(caller.name) ? known.status : undefined;
      // What is not theirs may as well not be there: both are told in the same words.
      const fits = wanted ? status === instead || status < 300 : status === 403 || status === 404;
      if (wanted && fits) done++;
      if (!fits)
        wrong.push(
          `${rule} ${method} ${path}, ${caller.name}: ${wanted ? 'allowed' : 'refused'} there, ${status} here ${JSON.stringify(body)}`,
        );
    }
    if (done === 0) wrong.push(`${rule} ${method} ${path}: nobody could`);
    const nobody = await keystone.ask(method, callOf(method, path, way, ids, 'x').path);
    if (nobody.status !== 401) wrong.push(`${rule} ${method} ${path}, without a token: ${nobody.status} here`);
  }
  ok(asked.length > 250, `only ${asked.length} operations`);
  t.diagnostic(`${asked.length} operations, ${people.length} callers, ${answers} answers`);
  deepEqual(wrong, [], wrong.join('\n'));
});

function operations(): Asked[] {
  const [head = '', ...lines] = readFileSync(table, 'utf8').trimEnd().split('\n');
  const columns = head.split('\t');
  return lines.flatMap(line => {
    const cells = line.split('\t');
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    return cell('operations')
      .split('; ')
      .filter(Boolean)
      .map(operation => {
        const [method = '', path = ''] = operation.split(' ');
        return { rule: cell('rule'), text: cell('expanded'), method, path };
      });
  });
}

/** What Keystone's rules see of a token. */
function credentialsOf({ body }: Caller): Facts {
  return {
    user_id: body.user.id,
    user_domain_id: body.user.domain.id,
    project_id: body.project?.id ?? null,
    project_domain_id: body.project?.domain.id ?? null,
    domain_id: body.domain?.id ?? null,
    system_scope: body.system ? 'all' : null,
    roles: (body.roles ?? []).map((role: { name: string }) => role.name),
    is_admin: false,
    token: body,
  };
}
