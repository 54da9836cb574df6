// Values on their way to PostgreSQL and back: the same on both engines, so that no store knows which one it has.

import type { CustomTypesConfig } from 'pg';
import { Problem } from '#/platform/problem/problem.ts';
import { databaseTexts } from './texts.ts';

type PostgresValue = string | number | null | Uint8Array;

/**
 * Booleans are 0 and 1.
 * @throws TypeError for a Date or a missing value, which would be stored as something else
 * @throws Problem invalid for a text with U+0000, which PostgreSQL does not store
 */
export function toPostgres(value: unknown): PostgresValue {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new Problem('invalid', databaseTexts.notText);
      return value;
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint':
      return String(value);
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw new TypeError(`cannot store a ${value === undefined ? 'missing value' : typeof value}`);
  }
}

// Object ids of PostgreSQL's built-in types (catalog pg_type).
const bool = 16;
const int8 = 20;
const int4 = 23;
const int2 = 21;
const float8 = 701;
const numeric = 1700;
const bytea = 17;

const parsers: Record<number, (text: string) => unknown> = {
  [bool]: text => (text === 't' ? 1 : 0),
  [int8]: exactNumber,
  [int4]: Number,
  [int2]: Number,
  [float8]: Number,
  // Sums of integers.
  [numeric]: exactNumber,
  [bytea]: text => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
};

/** How a column's text becomes a value. */
export const types: CustomTypesConfig = {
  getTypeParser: (type: number) => parsers[type] ?? ((text: string) => text),
};

function exactNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${text} is no safe integer`);
  return value;
}
