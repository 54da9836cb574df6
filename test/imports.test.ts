// Who imports whom: one way only. Names every import that points back.

import { deepEqual } from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', 'src');

/** Lower layers know nothing of higher ones. */
const layers = ['lib', 'platform', 'drivers', 'host', 'services', 'guest-image', 'top'];

interface Import {
  from: string;
  to: string;
}

function imports(): Import[] {
  const found: Import[] = [];
  for (const file of globSync('**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue;
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'([#.][^']+)'/g)) {
      if (target.startsWith('#/')) found.push({ from: file, to: target.slice(2) });
      else if (target.startsWith('.')) found.push({ from: file, to: normalize(join(dirname(file), target)) });
    }
  }
  return found;
}

function layerOf(file: string): number {
  const first = file.split('/')[0]!;
  const at = layers.indexOf(first);
  return at < 0 ? layers.indexOf('top') : at;
}

test('imports point down: lib, platform, drivers, host, services, and what wires them', () => {
  const wrong = imports().filter(({ from, to }) => layerOf(to) > layerOf(from));
  deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test("a service sees only another's contract", () => {
  const wrong = imports().filter(({ from, to }) => {
    const [a, service] = from.split('/');
    const [b, other, rest] = to.split('/');
    return a === 'services' && b === 'services' && service !== other && rest !== 'contract.ts';
  });
  deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test('no two services ask each other', () => {
  const asks = new Map<string, Set<string>>();
  for (const { from, to } of imports()) {
    const [a, service = ''] = from.split('/');
    const [b, other = ''] = to.split('/');
    if (a === 'services' && b === 'services' && service !== other)
      asks.set(service, (asks.get(service) ?? new Set()).add(other));
  }
  const circles: string[] = [];
  for (const [service, others] of asks)
    for (const other of others)
      if (asks.get(other)?.has(service) && service < other) circles.push(`${service} and ${other}`);
  deepEqual(circles, []);
});

test('drivers of one kind do not know one another, nor the database', () => {
  const wrong = imports().filter(({ from, to }) => {
    const [a, kind, backend] = from.split('/');
    const [b, otherKind, otherBackend] = to.split('/');
    if (a !== 'drivers') return false;
    if (to.startsWith('platform/database')) return true;
    return (
      b === 'drivers' &&
      kind === otherKind &&
      !!backend &&
      !!otherBackend &&
      !backend.endsWith('.ts') &&
      !otherBackend.endsWith('.ts') &&
      backend !== otherBackend
    );
  });
  deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});
