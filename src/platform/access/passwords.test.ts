import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '#/platform/clock/clock.ts';
import { createPasswords, quickCost } from './passwords.ts';

const passwords = createPasswords({ random: systemRandom(), cost: quickCost });

test('a password matches its hash and nothing else', async () => {
  const hash = await passwords.hash('correct horse');
  match(hash, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  notEqual(await passwords.hash('correct horse'), hash);
  deepEqual(await passwords.verify(hash, 'correct horse'), { matches: true, stale: false });
  deepEqual(await passwords.verify(hash, 'correct hors'), { matches: false, stale: false });
  const long = 'é'.repeat(2000);
  const longHash = await passwords.hash(`${long}1`);
  equal((await passwords.verify(longHash, `${long}2`)).matches, false);
  equal((await passwords.verify(longHash, `${long}1`)).matches, true);
});

// "password", as a Keystone stores it; bcrypt-sha256 and scrypt are the examples of passlib's documentation.
const foreign = {
  bcrypt: '$2b$04$/f1Iv0HV7VoAQ1pZrrCzFevxgFArlbOIznvXbExLZXatS7EsE013i',
  'bcrypt-sha256, version 2': '$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2',
  'pbkdf2-sha512':
    '$pbkdf2-sha512$1000$c2FsdHNhbHRzYWx0c2FsdA$715rqIr5dXOVPpBhqqsugl037zT5bWJTWYmZtIcK8hBnisKpwfY7kokvwjDrNHqHhF50Pb7MD6HvkJwiDQw4ww',
  scrypt: '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
};

for (const [name, hash] of Object.entries(foreign))
  test(`a hash of Keystone: ${name}`, async () => {
    const verdict = await passwords.verify(hash, 'password');
    deepEqual(verdict, { matches: true, stale: true });
    equal((await passwords.verify(hash, 'Password')).matches, false);
  });

test('hashes of other cost are stale, broken ones match nothing', async () => {
  const hash = await createPasswords({ random: systemRandom(), cost: { memoryKib: 128, passes: 1 } }).hash('x');
  deepEqual(await passwords.verify(hash, 'x'), { matches: true, stale: true });
  for (const broken of [
    '',
    'x',
    '$',
    '$argon2id$',
    '$argon2id$v=19$m=64,t=1,p=1$$',
    '$2b$99$x',
    '$scrypt$ln=99,r=8,p=1$aa$bb',
    '$pbkdf2-sha512$0$a$b',
    '$bcrypt-sha256$v=2,t=2b,r=12$x$y',
    '$6$abc$def',
  ])
    deepEqual(await passwords.verify(broken, ''), { matches: false, stale: false }, broken);
  deepEqual(await passwords.verify(null, ''), { matches: false, stale: false });
});

test('an unknown user takes as long as a wrong password', async () => {
  const real = createPasswords({ random: systemRandom() });
  const hash = await real.hash('x');
  const timeOf = async (stored: string | null): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 5; n++) {
      const start = performance.now();
      await real.verify(stored, 'y');
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  const [known, unknown] = [await timeOf(hash), await timeOf(null)];
  ok(unknown / known > 0.5 && unknown / known < 2, `${known} ms, ${unknown} ms`);
});
