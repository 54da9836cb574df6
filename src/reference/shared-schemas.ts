// Schemas that a document says more than once move to its components, so that it stays readable.

import type { Json } from './openapi.ts';

/** Shorter schemas are easier to read where they are. */
const worthSharing = 240;

/** The same document with references to `#/components/schemas/…` in the place of repeated object schemas. */
export function shareSchemas<T extends { [key: string]: Json }>(document: T): T {
  const counts = new Map<string, number>();
  const written = new Map<object, string>();
  walk(document, '', value => {
    const text = JSON.stringify(value);
    if (!isObjectSchema(value) || text.length < worthSharing) return;
    written.set(value, text);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  });

  const names = new Map<string, string>();
  const schemas: { [name: string]: Json } = {};
  const replace = (value: Json, key: string): Json => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(item => replace(item, key));
    const text = written.get(value);
    if (text === undefined || counts.get(text)! < 2) return inside(value, key);
    let name = names.get(text);
    if (name === undefined) {
      names.set(text, (name = freeName(key, schemas)));
      schemas[name] = {};
      schemas[name] = inside(value, key);
    }
    return { $ref: `#/components/schemas/${name}` };
  };
  const inside = (value: { [key: string]: Json }, key: string): { [key: string]: Json } =>
    Object.fromEntries(
      Object.entries(value).map(([inner, of]) => [inner, replace(of, isStructure(inner) ? named(value, key) : inner)]),
    );

  const shared = inside(document, '') as T;
  const components = shared['components'] as { [key: string]: Json };
  const sorted = Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...shared, components: { ...components, schemas: Object.fromEntries(sorted) } };
}

function named({ operationId }: { [key: string]: Json }, otherwise: string): string {
  return typeof operationId === 'string' ? operationId : otherwise;
}

/** Words of the document and of JSON Schema, status codes and media types say nothing about the value they hold. */
function isStructure(key: string): boolean {
  return structural.has(key) || !/^[a-z_]+$/i.test(key);
}

const structural = new Set([
  'properties',
  'items',
  'anyOf',
  'allOf',
  'oneOf',
  'schema',
  'content',
  'responses',
  'requestBody',
  'parameters',
  'patternProperties',
  'additionalProperties',
]);

function isObjectSchema(value: { [key: string]: Json }): boolean {
  return value['type'] === 'object' && typeof value['properties'] === 'object';
}

/** `server`, `server2`, …: the property that holds it, or the operation where it is a whole body. */
function freeName(key: string, taken: object): string {
  const base = /^[a-z]/i.test(key) ? key.replaceAll(/\W+/g, '_') : 'body';
  for (let at = 1; ; at++) {
    const name = at === 1 ? base : `${base}${at}`;
    if (!Object.hasOwn(taken, name)) return name;
  }
}

function walk(value: Json, key: string, see: (value: { [key: string]: Json }) => void): void {
  if (value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) return value.forEach(item => walk(item, key, see));
  see(value);
  for (const [inner, of] of Object.entries(value)) walk(of, inner, see);
}
