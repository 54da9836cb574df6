import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { nameFilter } from '#/services/compute/servers/name-filter.ts';

test('names are found as by regular expressions', () => {
  const table: [pattern: string, name: string, found: boolean][] = [
    ['web', 'my-WEB-1', true],
    ['^web', 'my-web', false],
    ['web$', 'my-web', true],
    ['^.*\\-instance\\-[0-9]+$', 'x-instance-42', true],
    ['^.*\\-instance\\-[0-9]+$', 'x-instance-4a', false],
    ['w.b', 'wxb', true],
    ['a+b', 'b', false],
    ['a*b', 'b', true],
    ['^colou?r$', 'color', true],
    ['[^0-9]$', 'a1', false],
    ['a(b|c', 'xa(b|cx', true],
    ['%', 'abc', false],
    ['', 'abc', true],
  ];
  for (const [pattern, name, found] of table) equal(nameFilter(pattern)(name), found, `${pattern} ~ ${name}`);
});

test('no pattern takes long', () => {
  const filter = nameFilter(`${'.*'.repeat(100)}x$`);
  const begin = performance.now();
  equal(filter('a'.repeat(255)), false);
  equal(performance.now() - begin < 500, true);
});
