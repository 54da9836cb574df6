// JSON Schema builders for requests and replies, and the checks made of them, compiled on first use.
// The types are TypeBox's; its builders are not loaded: they are two thirds of it, in every process, for plain objects.

import type Type from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/schema';
import { Problem } from '#/platform/problem/problem.ts';
import type { Text } from '#/platform/text/text.ts';

export type { Static, TSchema } from 'typebox';

interface StringOptions {
  min?: number;
  max?: number;
  pattern?: string;
  description?: string;
}

/** A closed object: keys that it does not name are refused. */
export function object<T extends Record<string, TSchema>>(properties: T): Type.TObject<T> {
  return objectOf(properties, false);
}
/** An object that may have other keys too. */
export function open<T extends Record<string, TSchema>>(properties: T): Type.TObject<T> {
  return objectOf(properties, true);
}
/** Any keys with values of one kind. */
export function mapOf<T extends TSchema>(
  value: T,
  options: { key?: string; max?: number } = {},
): Type.TRecord<'^.*$', T> {
  return made({
    type: 'object',
    patternProperties: { [options.key ?? '^.*$']: value },
    additionalProperties: false,
    ...(options.max ? { maxProperties: options.max } : {}),
  });
}
export function string(options: StringOptions = {}): Type.TString {
  return made({ type: 'string', ...textOptions(options) });
}
export function integer(options: { min?: number; max?: number } = {}): Type.TInteger {
  return made({ type: 'integer', ...numberOptions(options) });
}
export function number(options: { min?: number; max?: number } = {}): Type.TNumber {
  return made({ type: 'number', ...numberOptions(options) });
}
export function boolean(): Type.TBoolean {
  return made({ type: 'boolean' });
}
export function nothing(): Type.TNull {
  return made({ type: 'null' });
}
export function any(): Type.TUnknown {
  return made({});
}
/** A property that may be absent. */
export function optional<T extends TSchema>(schema: T): Type.TOptional<T> {
  // Hidden, for it says something of the object around it and is no JSON Schema.
  return Object.defineProperty({ ...schema }, absence, { value: true }) as unknown as Type.TOptional<T>;
}
export function nullable<T extends TSchema>(schema: T): Type.TUnion<[T, Type.TNull]> {
  return either(schema, nothing());
}
export function array<T extends TSchema>(
  item: T,
  options: { min?: number; max?: number; unique?: boolean } = {},
): Type.TArray<T> {
  return made({
    type: 'array',
    items: item,
    ...(options.min === undefined ? {} : { minItems: options.min }),
    ...(options.max === undefined ? {} : { maxItems: options.max }),
    ...(options.unique ? { uniqueItems: true } : {}),
  });
}
export function oneOf<const T extends readonly (string | number | boolean)[]>(...values: T): Type.TUnsafe<T[number]> {
  return made({ anyOf: values.map(value => ({ type: typeof value, const: value })) });
}
export function either<T extends TSchema[]>(...schemas: T): Type.TUnion<T> {
  return made({ anyOf: schemas });
}
/** A value checked by a schema that TypeScript cannot follow. */
export function as<T>(schema: TSchema): Type.TUnsafe<T> {
  return schema as Type.TUnsafe<T>;
}

const absence = Symbol('may be absent');

function objectOf<T extends Record<string, TSchema>>(properties: T, additionalProperties: boolean): Type.TObject<T> {
  const required = Object.keys(properties).filter(name => !(absence in properties[name]!));
  return made({ type: 'object', ...(required.length ? { required } : {}), properties, additionalProperties });
}

/** `never` fits every return type above: what each makes is what it says, which no compiler can see. */
function made(schema: object): never {
  return schema as never;
}

/** An id as users send it: UUID with or without dashes, or another service's short id. */
export const id = () => string({ min: 1, max: 255 });
/** True, false, or one of the texts that OpenStack takes for them. Read it with `isTrue`. */
export const looseBoolean = () =>
  either(
    boolean(),
    oneOf(
      'True',
      'TRUE',
      'true',
      '1',
      'ON',
      'On',
      'on',
      'YES',
      'Yes',
      'yes',
      't',
      'y',
      'False',
      'FALSE',
      'false',
      '0',
      'OFF',
      'Off',
      'off',
      'NO',
      'No',
      'no',
      'f',
      'n',
      1,
      0,
    ),
  );

/** Reads a loose boolean. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return ['true', '1', 'on', 'yes', 't', 'y'].includes(String(value).toLowerCase());
}

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/** Whether a value fits. */
export function fits(schema: TSchema, value: unknown): boolean {
  return check(schema).Check(value);
}

/** The value, typed. @throws Problem invalid naming the first place that does not fit and why */
export function parse<T extends TSchema>(schema: T, value: unknown, text: Text): Static<T> {
  if (check(schema).Check(value)) return value as Static<T>;
  throw new Problem('invalid', text, misfit(schema, value));
}

/** Where a value does not fit its schema, and why. */
export function misfit(schema: TSchema, value: unknown): { where: string; why: string } {
  const [, errors] = check(schema).Errors(value) as unknown as [boolean, SchemaError[]];
  const extra = errors.find(error => error.keyword === 'additionalProperties');
  const first = extra ?? errors.find(error => error.keyword !== 'anyOf' && error.keyword !== 'boolean') ?? errors[0];
  if (!first) return { where: '/', why: 'does not fit' };
  const where = first.instancePath.slice(1).replaceAll('/', '.') || 'body';
  const unknown = first.params['additionalProperties'];
  if (first === extra && Array.isArray(unknown))
    return {
      where,
      why: `Additional properties are not allowed (${unknown.map(name => `'${String(name).slice(0, 80)}'`).join(', ')})`,
    };
  const siblings = errors.filter(error => error.instancePath === first.instancePath && error.keyword === 'const');
  if (siblings.length > 1)
    return { where, why: `must be one of ${siblings.map(error => String(error.params['allowedValue'])).join(', ')}` };
  const at = valueAt(value, first.instancePath);
  const shown = at === undefined || typeof at === 'object' ? '' : ` (${JSON.stringify(at).slice(0, 80)})`;
  return { where, why: `${first.message}${shown}` };
}

interface SchemaError {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message: string;
}

function check(schema: TSchema) {
  let known = compiled.get(schema);
  if (!known) compiled.set(schema, (known = Compile(schema)));
  return known;
}

function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const part of pointer.split('/').slice(1)) {
    if (at === null || typeof at !== 'object') return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return at;
}

function textOptions({ min, max, pattern, description }: StringOptions) {
  return {
    ...(min === undefined ? {} : { minLength: min }),
    ...(max === undefined ? {} : { maxLength: max }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(description === undefined ? {} : { description }),
  };
}

function numberOptions({ min, max }: { min?: number; max?: number }) {
  return { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
}
