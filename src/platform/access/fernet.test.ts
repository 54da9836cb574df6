import { equal, notEqual, ok, throws } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemRandom } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { decryptFernet, encryptFernet, newFernetKey, parseFernetKey, writeFernetKey } from './fernet.ts';
import { loadFernetKeys, rotateFernetKeys, setupFernetKeys } from './fernet-keys.ts';

// The vectors of the specification (generate.json, verify.json).
const secret = parseFernetKey('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=')!;
const vector = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const made = Date.parse('1985-10-26T01:20:00-07:00');

test('the vectors of the specification', () => {
  const random = { bytes: (length: number) => Buffer.from(Array.from({ length }, (_, n) => n)) };
  equal(encryptFernet(secret, Buffer.from('hello'), { now: made, random }), vector);
  const content = decryptFernet([secret], vector, { now: made + 1000, ttlSeconds: 60 })!;
  equal(content.plain.toString(), 'hello');
  equal(content.madeAt, made);
  equal(decryptFernet([secret], vector.replace(/=+$/, ''), { now: made })!.plain.toString(), 'hello');
});

test('what is not ours, too old, or from the future is refused', () => {
  const random = systemRandom();
  const other = newFernetKey(random);
  equal(decryptFernet([other], vector, { now: made }), null);
  ok(decryptFernet([other, secret], vector, { now: made }));
  equal(decryptFernet([secret], vector, { now: made + 61_000, ttlSeconds: 60 }), null);
  ok(decryptFernet([secret], vector, { now: made + 60_000, ttlSeconds: 60 }));
  ok(decryptFernet([secret], vector, { now: made - 300_000 }));
  equal(decryptFernet([secret], vector, { now: made - 302_000 }), null);
  for (const bad of [
    '',
    '=',
    'gAAAAA',
    `${vector}A`,
    `${vector} `,
    vector.slice(4),
    vector.slice(0, -4),
    `!${vector.slice(1)}`,
    'é'.repeat(100),
    'g'.repeat(2 << 20),
  ])
    equal(decryptFernet([secret], bad, { now: made }), null, bad.slice(0, 40));
  const bytes = Buffer.from(vector, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    equal(decryptFernet([secret], changed.toString('base64url'), { now: made }), null);
  }
  equal(parseFernetKey('short'), null);
  equal(writeFernetKey(parseFernetKey(writeFernetKey(other))!), writeFernetKey(other));
});

test('a key repository is set up, rotated, and survives a crash between two steps', t => {
  const directory = join(mkdtempSync(join(tmpdir(), 'haneul-keys-')), 'fernet-keys');
  t.after(() => rmSync(join(directory, '..'), { recursive: true }));
  const random = systemRandom();
  const first = setupFernetKeys(directory, random);
  equal(first.numbers.join(), '1,0');
  equal(statSync(directory).mode & 0o777, 0o700);
  equal(statSync(join(directory, '0')).mode & 0o777, 0o600);
  ok(setupFernetKeys(directory, random).primary.equals(first.primary));
  const token = encryptFernet(first.primary, Buffer.from('x'), { now: made, random });

  const second = rotateFernetKeys(directory, random);
  equal(second.numbers.join(), '2,1,0');
  ok(second.primary.equals(first.all[1]!), 'the staged key became primary');
  ok(decryptFernet(second.all, token, { now: made }));
  equal(rotateFernetKeys(directory, random).numbers.join(), '3,2,0');
  equal(decryptFernet(loadFernetKeys(directory).all, token, { now: made }), null);
  notEqual(rotateFernetKeys(directory, random, 1).numbers.length, 1);

  // As a crash leaves it that took the staged key away.
  rmSync(join(directory, '0'));
  writeFileSync(join(directory, '.new'), 'half');
  ok(loadFernetKeys(directory).primary);
  equal(rotateFernetKeys(directory, random).numbers[0], 5);
  equal(readdirSync(directory).includes('.new'), false);
  writeFileSync(join(directory, '0'), 'no key');
  throws(() => loadFernetKeys(directory), Problem);
  throws(() => loadFernetKeys(join(directory, 'nowhere')), Problem);
});
