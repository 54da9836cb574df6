// Who somebody is here, by what an identity provider says of them: the rules of a mapping, applied. Pure.
// As in OpenStack: every rule whose remote part fits adds its local part; `{0}`, `{1}` … in it stand for the values of the
// requirements that name no condition (`any_one_of`, `not_any_of`), in their order, filtered by `whitelist`/`blacklist`.

import { Problem } from '#/platform/problem/problem.ts';
import { pattern } from '#/services/identity/federation/mappings/mapping.patterns.ts';
import type {
  DomainRef,
  LocalPart,
  Requirement,
  Rule,
  SchemaVersion,
} from '#/services/identity/federation/mappings/mapping.schema.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

/** What a provider says: attribute → its values. */
export type Assertion = Readonly<Record<string, readonly string[]>>;

export interface Mapped {
  user: { id?: string; name?: string; email?: string; domain?: DomainRef; type: 'ephemeral' | 'local' };
  groupIds: string[];
  groupNames: { name: string; domain: DomainRef }[];
  projects: { name: string; domain: DomainRef | null; roles: { name: string; domain: DomainRef | null }[] }[];
}

/** No expression is tried on longer values. */
const longestValue = 1_024;

/** @throws Problem unauthenticated when no rule fits, or what comes out of them is nobody */
export function applyMapping(rules: readonly Rule[], version: SchemaVersion, assertion: Assertion): Mapped {
  const parts: LocalPart[] = [];
  for (const { local, remote } of rules) {
    const values = matched(remote, assertion);
    if (values) parts.push(...local.map(part => filledIn(part, values) as LocalPart));
  }
  if (!parts.length) throw nobody('no rule fits');
  const mapped: Mapped = { user: { type: 'ephemeral' }, groupIds: [], groupNames: [], projects: [] };
  const user = parts.find(part => part.user)?.user;
  if (user) mapped.user = { ...user, type: user.type ?? 'ephemeral' };
  for (const [name, value] of Object.entries(mapped.user))
    if (Array.isArray(value)) throw nobody(`the user's ${name} has several values`);
  for (const part of parts) addGroupsAndProjects(mapped, part, version);
  mapped.groupIds = [...new Set(mapped.groupIds)];
  return mapped;
}

function addGroupsAndProjects(mapped: Mapped, part: LocalPart, version: SchemaVersion): void {
  const { group, groups, group_ids: ids, domain, projects = [] } = part;
  if (group && 'id' in group) mapped.groupIds.push(...listed(group.id));
  else if (group) addGroupNames(mapped, listed(group.name), group.domain);
  if (ids !== undefined) mapped.groupIds.push(...listed(ids));
  if (groups !== undefined) {
    if (!domain) throw nobody('«groups» needs a «domain» beside it');
    addGroupNames(mapped, listed(groups), domain);
  }
  for (const project of projects)
    for (const name of listed(project.name))
      mapped.projects.push({
        name,
        domain: version === '1.0' ? null : (project.domain ?? domain ?? null),
        roles: project.roles.flatMap(role =>
          listed(role.name).map(roleName => ({ name: roleName, domain: role.domain ?? null })),
        ),
      });
}

function addGroupNames(mapped: Mapped, names: string[], domain: DomainRef): void {
  for (const name of names) {
    const known = mapped.groupNames.some(
      other => other.name === name && other.domain.id === domain.id && other.domain.name === domain.name,
    );
    if (!known) mapped.groupNames.push({ name, domain });
  }
}

/** A value that came of one placeholder may be many; a text in the form of a list (`["a", "b"]`) is read as one. */
function listed(value: unknown): string[] {
  if (Array.isArray(value)) return value as string[];
  const text = String(value);
  if (!text.startsWith('[')) return text === '' ? [] : [text];
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every(item => typeof item === 'string')) return list;
  } catch {
    return [text];
  }
  return [text];
}

/** The values for the placeholders; null when a requirement is not met. */
function matched(requirements: readonly Requirement[], assertion: Assertion): string[][] | null {
  const values: string[][] = [];
  for (const requirement of requirements) {
    const given = Object.hasOwn(assertion, requirement.type) ? assertion[requirement.type]! : [];
    if (!given.length) return null;
    const { any_one_of: anyOneOf, not_any_of: notAnyOf, blacklist, whitelist, regex = false } = requirement;
    if (anyOneOf) {
      if (!among(given, anyOneOf, regex).length) return null;
    } else if (notAnyOf) {
      if (among(given, notAnyOf, regex).length) return null;
    } else if (blacklist) {
      const refused = among(given, blacklist, regex);
      values.push(given.filter(value => !refused.includes(value)));
    } else values.push(whitelist ? among(given, whitelist, regex) : [...given]);
  }
  return values;
}

/** Those of the values that are listed, or match one of the expressions. */
function among(given: readonly string[], list: readonly string[], regex: boolean): string[] {
  if (!regex) return given.filter(value => list.includes(value));
  const expressions = list.map(pattern);
  return given.filter(value => value.length <= longestValue && expressions.some(expression => expression?.test(value)));
}

/** A template with its placeholders replaced. One that is nothing but a placeholder becomes the list where there are many. */
function filledIn(template: unknown, values: string[][]): unknown {
  if (Array.isArray(template)) return template.map(item => filledIn(item, values));
  if (template !== null && typeof template === 'object')
    return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, filledIn(value, values)]));
  if (typeof template !== 'string') return template;
  const alone = /^\{(\d{1,3})\}$/.exec(template);
  if (alone) {
    const list = valuesAt(values, alone[1]!);
    return list.length === 1 ? list[0] : list;
  }
  return template.replaceAll(/\{\{|\}\}|\{(\d{1,3})\}/g, (found, at: string | undefined) =>
    at === undefined ? found[0]! : valuesAt(values, at).join(','),
  );
}

function valuesAt(values: string[][], at: string): string[] {
  const list = values[Number(at)];
  if (!list) throw nobody(`there is no value for {${at}}`);
  return list;
}

function nobody(why: string): Problem {
  return new Problem('unauthenticated', t.notMapped, { why });
}
