// The same requests to the peer's real Keystone and to ours: the same status, headers of meaning and shape of the body, but
// for what identity.accepted.tsv names with its reason. Run by run.ts.

import { deepEqual } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callOf, type Way, wayOf } from '../identity/calls.ts';
import { type Estate, type Ids, makeEstate } from '../identity/estate.ts';
import { type Answer, type Keystone, keystoneAt } from '../identity/keystone.ts';
import { testCloud } from '../test-cloud.ts';
import { more } from './more.ts';
import { differencesOf } from './shape.ts';

const table = join(import.meta.dirname, '../../../shared/api-ops/keystone.tsv');
const asking = [
  'admin of project',
  'manager of project',
  'member of project',
  'reader of project',
  'member of other project',
  'owner',
  'nobody',
];

/** The peer remembers what it was asked before. */
const thing = `t${Date.now().toString(36)}`;

interface Side {
  keystone: Keystone;
  estate: Estate;
}

interface Accepted {
  operation: string;
  aspect: string;
  theirs: string;
  ours: string;
  why: string;
  used: boolean;
}

test('both answer alike', async t => {
  await using cloud = await testCloud({ hosts: 0, onlyAdmin: true, realClock: true });
  const theirs = await side(
    keystoneAt(process.env['OS_AUTH_URL']!.replace(/\/v3$/, '')),
    process.env['OS_USERNAME']!,
    process.env['OS_PASSWORD']!,
  );
  const ours = await side(keystoneAt(`${cloud.url}/identity`), 'admin', 'admin-password');
  t.after(() => [theirs, ours].forEach(({ keystone }) => keystone.close()));

  const accepted = readAccepted();
  const found = new Map<string, Set<string>>();
  let answers = 0;
  const note = (operation: string, name: string, left: Answer, right: Answer): void => {
    for (const { aspect, theirs: said, ours: here } of differencesOf(left, right)) {
      const known = accepted.find(each => fits(each, { operation, aspect, theirs: said, ours: here }));
      if (known) known.used = true;
      else {
        const line = [operation, aspect, said, here].join('\t');
        found.set(line, (found.get(line) ?? new Set()).add(name));
      }
    }
  };
  for (const { name, method, path, body, headers, by = 'admin of project' } of more) {
    const ask = ({ keystone, estate: { ids, callers } }: Side): Promise<Answer> =>
      keystone.ask(method, path(ids), {
        token: callers.find(each => each.name === by)!.token,
        body: body?.(ids),
        headers: headers?.(ids),
      });
    note(name, by, await ask(theirs), await ask(ours));
    answers++;
  }
  for (const { method, path } of operations()) {
    const way = wayOf(method, path);
    let made: [Ids, Ids] | null = null;
    for (const name of asking) {
      made ??= [await things(theirs, way), await things(ours, way)];
      const [left, right] = [
        await asked(theirs, made[0], name, method, path, way),
        await asked(ours, made[1], name, method, path, way),
      ];
      answers++;
      if (method !== 'GET' && method !== 'HEAD' && [left, right].some(({ status }) => status < 300)) made = null;
      note(`${method} ${path}`, name, left, right);
    }
    // For who mends many of them: what is known so far.
    const file = process.env['HANEUL_DIFFERENCES'];
    if (file) writeFileSync(file, `${linesOf(found).join('\n')}\n`);
  }
  t.diagnostic(`${answers} pairs of answers`);
  const lines = linesOf(found);
  deepEqual(lines, [], lines.join('\n'));
  deepEqual(
    accepted.filter(({ used }) => !used).map(({ operation, aspect }) => `${operation} ${aspect}`),
    [],
    'accepted, but not seen any more',
  );
});

function linesOf(found: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...found].map(([line, names]) => `${line}\t${[...names].join(', ')}`);
}

async function side(keystone: Keystone, name: string, password: string): Promise<Side> {
  return { keystone, estate: await makeEstate(keystone, { name, domainId: 'default', password }, thing) };
}

async function things({ estate }: Side, way: Way): Promise<Ids> {
  const ids = { ...estate.ids };
  for (const kind of way.anew ?? []) Object.assign(ids, await estate.make(kind));
  return ids;
}

let count = 0;
function asked(
  { keystone, estate }: Side,
  ids: Ids,
  name: string,
  method: string,
  path: string,
  way: Way,
): Promise<Answer> {
  const caller = estate.callers.find(each => each.name === name)!;
  const call = callOf(method, path, way, ids, `${thing}-new-${Math.floor(count++ / 2)}`);
  return keystone.ask(method, call.path, { token: caller.token, body: call.body, headers: call.headers });
}

function operations(): { method: string; path: string }[] {
  const lines = readFileSync(table, 'utf8').trimEnd().split('\n').slice(1);
  const all = lines.map(line => line.split('\t').slice(0, 2).join(' '));
  return [...new Set(all)].map(each => {
    const [method = '', path = ''] = each.split(' ');
    return { method, path };
  });
}

/** Tab-separated: operation, aspect, theirs, ours, why; `*` stands for anything. */
function readAccepted(): Accepted[] {
  const lines = readFileSync(join(import.meta.dirname, 'identity.accepted.tsv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1);
  return lines.map(line => {
    const [operation = '', aspect = '', theirs = '', ours = '', why = ''] = line.split('\t');
    return { operation, aspect, theirs, ours, why, used: false };
  });
}

function fits(pattern: Accepted, seen: Omit<Accepted, 'why' | 'used'>): boolean {
  const one = (wanted: string, value: string): boolean =>
    wanted.split('*').length === 1
      ? wanted === value
      : new RegExp(
          `^${wanted
            .split('*')
            .map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
            .join('.*')}$`,
        ).test(value);
  return (['operation', 'aspect', 'theirs', 'ours'] as const).every(key => one(pattern[key], seen[key]));
}
