// Values from a JSON schema: mostly fitting ones, and ones that are wrong on purpose.

export interface Dice {
  /** A whole number from 0 to below `sides`. */
  (sides: number): number;
}

// biome-ignore lint: a JSON schema is any object
type Schema = any;

const words = [
  'a',
  'name',
  'default',
  '10.9.0.0/24',
  '10.9.0.5',
  '2001:db8::/64',
  'fe80::1',
  '00:11:22:33:44:55',
  '1',
  '-1',
  '0',
  'true',
  'http://127.0.0.1/',
  '/v2/x',
  'public',
  'x'.repeat(300),
  '한글',
  'a\nb',
  '%00',
  '../../etc/passwd',
  '${jndi}',
  "'; drop table x; --",
  '\u0000',
  '😀'.repeat(70),
  '(a+)+$',
];

/** A value that fits the schema as far as this generator knows. `ids` are ids of things that exist. */
export function fitting(schema: Schema, dice: Dice, ids: string[], depth = 0): unknown {
  if (!schema || depth > 8) return 'x';
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[dice(schema.enum.length)];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fitting(choices[dice(choices.length)], dice, ids, depth + 1);
  if (schema.allOf)
    return Object.assign({}, ...schema.allOf.map((part: Schema) => fitting(part, dice, ids, depth + 1)));
  switch (schema.type) {
    case 'object': {
      const value: Record<string, unknown> = {};
      const required = new Set<string>(schema.required ?? []);
      for (const [name, property] of Object.entries(schema.properties ?? {}))
        if (required.has(name) || dice(3) === 0) value[name] = fitting(property, dice, ids, depth + 1);
      for (const [pattern, property] of Object.entries(schema.patternProperties ?? {})) {
        const key = words.find(word => new RegExp(pattern, 'u').test(word));
        if (key) value[key] = fitting(property, dice, ids, depth + 1);
      }
      return value;
    }
    case 'array':
      return Array.from({ length: Math.max(schema.minItems ?? 0, dice(3)) }, () =>
        fitting(schema.items, dice, ids, depth + 1),
      );
    case 'integer':
    case 'number':
      return (schema.minimum ?? 0) + dice(Math.min(20, (schema.maximum ?? 100) - (schema.minimum ?? 0) + 1));
    case 'boolean':
      return dice(2) === 0;
    case 'null':
      return null;
    case 'string': {
      const pool = dice(3) === 0 && ids.length ? ids : words;
      for (let tries = 0; tries < 40; tries++) {
        const word = pool[dice(pool.length)]!;
        const long = schema.minLength !== undefined && word.length < schema.minLength;
        if (
          !long &&
          (schema.maxLength === undefined || word.length <= schema.maxLength) &&
          (!schema.pattern || new RegExp(schema.pattern).test(word))
        )
          return word;
      }
      return 'a';
    }
    default:
      return [words[dice(words.length)], dice(100), null, true, [], {}][dice(6)];
  }
}

const wrong: unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53 + 2,
  'x',
  '',
  'y'.repeat(70_000),
  [],
  {},
  [[]],
  [null],
  { a: { b: {} } },
  '\ud800',
  { __proto__: null, constructor: 1 },
];

/** The value with one place in it made wrong. */
export function spoiled(value: unknown, dice: Dice, depth = 0): unknown {
  if (value !== null && typeof value === 'object' && depth < 4 && dice(4) !== 0) {
    const keys = Object.keys(value);
    if (dice(4) === 0 && !Array.isArray(value)) return { ...value, unknown_field: 1 };
    if (keys.length) {
      const key = keys[dice(keys.length)]!;
      if (dice(5) === 0)
        return Array.isArray(value) ? [] : Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
      const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
      copy[key] = spoiled((value as Record<string, unknown>)[key], dice, depth + 1);
      return copy;
    }
  }
  return wrong[dice(wrong.length)];
}
