// A repository of key pairs that sign tokens (ES256), laid out as Keystone's: private/private.pem signs, and whatever is
// signed by a key in public/ is good. private/next.pem signs after the next rotation: its public half is out before, so
// that no control plane meets a token whose key it does not know. Public keys of others may be put beside ours, under
// names that are not numbers.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectorySync, writeWholeSync } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { keyTexts } from './texts.ts';

export interface JwsKeys {
  /** Signs. */
  own: KeyObject;
  /** Those that verify: the own key's half first. */
  trusted: KeyObject[];
}

const signs = 'private.pem';
const next = 'next.pem';

/** What changes when keys do. */
export function directoriesOfJwsKeys(directory: string): [privateKeys: string, publicKeys: string] {
  return [join(directory, 'private'), join(directory, 'public')];
}

/** Makes the directories with a pair that signs and the next one, unless they are there. */
export function setupJwsKeys(directory: string): JwsKeys {
  const [privateKeys] = directoriesOfJwsKeys(directory);
  for (const path of [directory, ...directoriesOfJwsKeys(directory)]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  }
  for (const name of [signs, next])
    if (!filesIn(privateKeys).includes(name)) writeWholeSync(join(privateKeys, name), newPair(directory));
  // A private key may have been brought without its public half.
  for (const name of [signs, next]) publish(directory, publicHalf(readPrivate(join(privateKeys, name))));
  return loadJwsKeys(directory);
}

/** @throws Problem unavailable when a file is no such key: guessing would log everybody out */
export function loadJwsKeys(directory: string): JwsKeys {
  const [privateKeys, publicKeys] = directoriesOfJwsKeys(directory);
  const own = readPrivate(join(privateKeys, signs));
  const half = publicHalf(own);
  const others = filesIn(publicKeys)
    .filter(name => name.endsWith('.pem'))
    .map(name => readPublic(join(publicKeys, name)))
    .filter(pem => pem !== half);
  return { own, trusted: [half, ...others].map(pem => createPublicKey(pem)) };
}

/**
 * The next pair signs from now on, and another is made ready; of those before, `maxActive - 2` stay trusted, the last
 * one in any case. A crash in between leaves a repository that works.
 */
export function rotateJwsKeys(directory: string, maxActive = 3): JwsKeys {
  const before = publicHalf(setupJwsKeys(directory).own);
  const [privateKeys, publicKeys] = directoriesOfJwsKeys(directory);
  const staged = join(privateKeys, '.new');
  writeWholeSync(staged, newPair(directory));
  renameSync(join(privateKeys, next), join(privateKeys, signs));
  renameSync(staged, join(privateKeys, next));
  syncDirectorySync(privateKeys);
  const needed = [signs, next].map(name => publicHalf(readPrivate(join(privateKeys, name)))).concat(before);
  const former = numbered(publicKeys).filter(({ pem }) => !needed.includes(pem));
  for (const { path } of former.slice(Math.max(maxActive - 3, 0))) rmSync(path);
  return loadJwsKeys(directory);
}

/** A private key whose public half is already out. */
function newPair(directory: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  publish(directory, publicHalf(privateKey));
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

function publish(directory: string, pem: string): void {
  const [, publicKeys] = directoriesOfJwsKeys(directory);
  const known = filesIn(publicKeys).filter(name => name.endsWith('.pem'));
  if (known.some(name => readPublic(join(publicKeys, name)) === pem)) return;
  const [newest] = numbered(publicKeys);
  writeWholeSync(join(publicKeys, `${(newest?.number ?? 0) + 1}.pem`), pem);
}

/** Our own public keys, the newest first. */
function numbered(publicKeys: string): { number: number; path: string; pem: string }[] {
  return filesIn(publicKeys)
    .flatMap(name => /^([1-9]\d{0,8})\.pem$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
    .map(number => {
      const path = join(publicKeys, `${number}.pem`);
      return { number, path, pem: readPublic(path) };
    });
}

function filesIn(directory: string): string[] {
  return readdirSync(directory).sort();
}

function readPrivate(file: string): KeyObject {
  return read(file, pem => createPrivateKey(pem));
}

/** The key in its one usual form, so that equal keys are equal texts. */
function readPublic(file: string): string {
  return exported(read(file, pem => createPublicKey(pem)));
}

function read(file: string, parse: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Problem('unavailable', keyTexts.badJwsKey, { file }, { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Problem('unavailable', keyTexts.badJwsKey, { file });
  return key;
}

function publicHalf(key: KeyObject): string {
  return exported(createPublicKey(key));
}

function exported(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' });
}
