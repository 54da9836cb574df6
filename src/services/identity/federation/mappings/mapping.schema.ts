// What mapping rules look like.

import {
  any,
  array,
  boolean,
  either,
  misfit,
  fits,
  object,
  oneOf,
  optional,
  string,
  type TSchema,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { pattern, patternsOf } from '#/services/identity/federation/mappings/mapping.patterns.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

export interface DomainRef {
  id?: string;
  name?: string;
}

export interface Requirement {
  type: string;
  any_one_of?: string[];
  not_any_of?: string[];
  blacklist?: string[];
  whitelist?: string[];
  /** The values are regular expressions. */
  regex?: boolean;
}

export interface LocalPart {
  user?: { id?: string; name?: string; email?: string; domain?: DomainRef; type?: 'ephemeral' | 'local' };
  group?: { id: string } | { name: string; domain: DomainRef };
  groups?: string;
  group_ids?: string;
  domain?: DomainRef;
  projects?: { name: string; domain?: DomainRef; roles: { name: string; domain?: DomainRef }[] }[];
}

export interface Rule {
  local: LocalPart[];
  remote: Requirement[];
}

export const schemaVersions = ['1.0', '2.0'] as const;
export type SchemaVersion = (typeof schemaVersions)[number];

const domain = () => object({ id: optional(string()), name: optional(string()) });
const values = () => array(string({ max: 1024 }), { max: 1_000 });
const requirement = (kind: string) => object({ type: string(), [kind]: values(), regex: optional(boolean()) });

function rules(version: SchemaVersion): TSchema {
  const placed: Record<string, TSchema> = version === '1.0' ? {} : { domain: optional(domain()) };
  return array(
    object({
      local: array(
        object({
          user: optional(
            object({
              id: optional(string()),
              name: optional(string()),
              email: optional(string()),
              domain: optional(domain()),
              type: optional(oneOf('ephemeral', 'local')),
            }),
          ),
          group: optional(either(object({ id: string() }), object({ name: string(), domain: domain() }))),
          groups: optional(string()),
          group_ids: optional(string()),
          domain: optional(domain()),
          projects: optional(
            array(object({ name: string(), roles: array(object({ name: string(), ...placed })), ...placed })),
          ),
        }),
      ),
      remote: array(
        either(object({ type: string() }), ...['any_one_of', 'not_any_of', 'blacklist', 'whitelist'].map(requirement)),
        { min: 1, max: 100 },
      ),
    }),
    { min: 1, max: 1_000 },
  );
}

const schemas = { '1.0': rules('1.0'), '2.0': rules('2.0') };

export const mappingBody = object({
  mapping: object({ rules: array(any(), { min: 1 }), schema_version: optional(oneOf(...schemaVersions)) }),
});

/** @throws Problem invalid for rules that cannot be worked with */
export function checkRules(value: unknown, version: SchemaVersion): Rule[] {
  if (!fits(schemas[version], value)) throw new Problem('invalid', t.badRules, misfit(schemas[version], value));
  const checked = value as Rule[];
  for (const text of patternsOf(checked))
    if (!pattern(text)) throw new Problem('invalid', t.badPattern, { pattern: text.slice(0, 100) });
  return checked;
}
