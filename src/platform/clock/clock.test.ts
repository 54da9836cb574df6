// The machine's entropy, through its pool: never the same twice, and the length that was asked for.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { newUuid, systemRandom } from '#/platform/clock/clock.ts';

test('random bytes have their length and come once, across pools', () => {
  const random = systemRandom();
  const seen = new Set<string>();
  for (let at = 0; at < 3_000; at++) seen.add(random.bytes(16).toString('hex'));
  equal(seen.size, 3_000);
  deepEqual(
    [0, 1, 63, 64, 65, 10_000].map(length => random.bytes(length).length),
    [0, 1, 63, 64, 65, 10_000],
  );
});

test('what one caller got, later ones do not change', () => {
  const random = systemRandom();
  const first = random.bytes(16);
  const copy = Buffer.from(first);
  for (let at = 0; at < 2_000; at++) newUuid(random);
  deepEqual(first, copy);
});
