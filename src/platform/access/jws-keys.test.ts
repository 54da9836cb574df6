// Key pairs are set up, rotated, and survive a crash between two steps.

import { equal, ok, throws } from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '#/platform/problem/problem.ts';
import { loadJwsKeys, rotateJwsKeys, setupJwsKeys } from './jws-keys.ts';

test('a repository of key pairs is set up, rotated, and survives a crash', t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-jws-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const names = (): string => readdirSync(join(directory, 'public')).sort().join();
  const next = (): KeyObject => createPrivateKey(readFileSync(join(directory, 'private/next.pem')));
  const trusts = (keys: KeyObject[], key: KeyObject): boolean => keys.some(each => each.equals(createPublicKey(key)));

  const first = setupJwsKeys(directory);
  equal(names(), '1.pem,2.pem');
  for (const path of ['private', 'public']) equal(statSync(join(directory, path)).mode & 0o777, 0o700);
  equal(statSync(join(directory, 'private/private.pem')).mode & 0o777, 0o600);
  ok(setupJwsKeys(directory).own.equals(first.own));
  ok(trusts(first.trusted, next()), 'the next key is known before it signs');

  const coming = next();
  const second = rotateJwsKeys(directory);
  ok(second.own.equals(coming));
  equal(names(), '1.pem,2.pem,3.pem');
  ok(trusts(second.trusted, first.own));
  const third = rotateJwsKeys(directory);
  equal(names(), '2.pem,3.pem,4.pem');
  ok(trusts(third.trusted, second.own));
  ok(!trusts(third.trusted, first.own));

  // Another control plane's public key is trusted, and not ours to remove.
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(directory, 'public/other.pem'), other.publicKey.export({ type: 'spki', format: 'pem' }));
  for (let at = 0; at < 3; at++) ok(trusts(rotateJwsKeys(directory).trusted, other.privateKey));

  // As a crash leaves it between the two renames.
  rmSync(join(directory, 'private/next.pem'));
  writeFileSync(join(directory, 'private/.new'), 'half');
  const { own } = loadJwsKeys(directory);
  ok(trusts(rotateJwsKeys(directory).trusted, own));
  equal(readdirSync(join(directory, 'private')).sort().join(), 'next.pem,private.pem');

  const weak = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  writeFileSync(join(directory, 'public/weak.pem'), weak.publicKey.export({ type: 'spki', format: 'pem' }));
  throws(() => loadJwsKeys(directory), Problem);
  writeFileSync(join(directory, 'public/weak.pem'), 'no key');
  throws(() => loadJwsKeys(directory), Problem);
});
