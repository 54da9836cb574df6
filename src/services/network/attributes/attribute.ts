// An attribute of a resource, as Neutron's attribute maps describe it: where it may be sent, what it takes, its default.

import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Attribute {
  post: boolean;
  put: boolean;
  /** Reads a value that was sent. @throws Invalid with the reason */
  read(value: unknown): unknown;
  /** Absent: the attribute is required in POST. `undefined` under `optional`: left out when it was not sent. */
  default?: unknown;
  optional: boolean;
  /** Never shown. */
  hidden: boolean;
}

/** Why a value does not fit its attribute. */
export class Invalid extends Error {}

type Options = Partial<Pick<Attribute, 'default' | 'hidden'>>;
type Read = Attribute['read'];

/** May be sent in POST and PUT; with a default, or required. */
export const both = (read: Read, options: Options = {}): Attribute => attribute(true, true, read, options);
export const postOnly = (read: Read, options: Options = {}): Attribute => attribute(true, false, read, options);
export const putOnly = (read: Read, options: Options = {}): Attribute => attribute(false, true, read, options);
export const readOnly = (): Attribute => attribute(false, false, value => value, { default: undefined });

function attribute(post: boolean, put: boolean, read: Read, options: Options): Attribute {
  return { post, put, read, ...options, optional: 'default' in options, hidden: options.hidden ?? false };
}

export type Attributes = Record<string, Attribute>;
export type Values = Record<string, unknown>;

const bothNames = { tenant_id: 'project_id' } as Record<string, string>;

/**
 * The values of one resource in a body. For POST defaults are filled in; for PUT only what was sent.
 * @throws Problem invalid
 */
export function readAttributes(attributes: Attributes, sent: unknown, mode: 'post' | 'put'): Values {
  if (sent === null || typeof sent !== 'object' || Array.isArray(sent))
    throw new Problem('invalid', t.hTTPBadRequest, { why: 'A resource must be a dictionary of attributes' });
  const asked: Values = {};
  for (const [name, value] of Object.entries(sent)) asked[bothNames[name] ?? name] = value;
  const unknown = Object.keys(asked).filter(name => !Object.hasOwn(attributes, name));
  if (unknown.length) throw new Problem('invalid', t.unrecognized, { names: unknown.map(name => name.slice(0, 80)) });
  const values: Values = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    if (!Object.hasOwn(asked, name)) {
      if (mode === 'put' || !attribute.post) continue;
      if (!attribute.optional) throw new Problem('invalid', t.missingAttribute, { name });
      if (attribute.default !== undefined) values[name] = attribute.default;
      continue;
    }
    if (!attribute[mode])
      throw new Problem('invalid', mode === 'post' ? t.notAllowedInPost : t.notAllowedInPut, { name });
    values[name] = readValue(name, attribute, asked[name]);
  }
  return values;
}

function readValue(name: string, attribute: Attribute, value: unknown): unknown {
  try {
    return attribute.read(value);
  } catch (thrown) {
    if (thrown instanceof Invalid)
      throw new Problem('invalid', t.invalidInput, { attribute: name, why: thrown.message });
    throw thrown;
  }
}
