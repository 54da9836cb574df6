// Who may do what: named rules in OpenStack's rule language, with defaults from the services and overrides from the
// operator. Default-deny: a name that does not exist allows nobody.

import type { Text } from '#/platform/text/text.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { nearest } from '#/lib/nearest.ts';
import type { Check, CheckKind, Credentials, Target } from './check.ts';
import { compileCheck } from './check.ts';
import type { Rule } from './rule-language.ts';
import { parseRule, references, writeMatch, writeRule } from './rule-language.ts';
import { policyTexts } from './texts.ts';

export type { Credentials, Target } from './check.ts';
export type Scope = 'system' | 'domain' | 'project';

export interface PolicyDefault {
  check: string;
  /** Tokens of other scopes are refused. Absent: any. */
  scopeTypes?: readonly Scope[];
  description: string;
  /** An older name, which several rules may share: an override or a reference by it still counts. */
  deprecatedName?: string;
}

export interface PolicyOptions {
  defaults: ReadonlyMap<string, PolicyDefault>;
  /** Name → rule, from the operator. New names are helpers for other rules. Lists are the old form: or of ands. */
  overrides?: ReadonlyMap<string, string | readonly (string | readonly string[])[]>;
  /** Check kinds that services add. */
  checkKinds?: ReadonlyMap<string, CheckKind>;
}

/** Why a rule said yes or no. */
export interface Explanation {
  name: string;
  allowed: boolean;
  /** The whole rule as it stands now, after overrides. */
  rule: string;
  overridden: boolean;
  /** The checks that decided: those that were true, or those that were missing. */
  parts: string[];
  text: Text;
  facts: Record<string, string | readonly string[]>;
}

export interface Policy {
  allows(name: string, credentials: Credentials, target: Target): boolean;
  explain(name: string, credentials: Credentials, target: Target): Explanation;
  /** Every rule as it stands, for the policy reference. */
  rules(): ReadonlyMap<string, { rule: string; overridden: boolean }>;
}

interface Compiled {
  rule: Rule;
  overridden: boolean;
  scopeTypes: readonly Scope[] | null;
  /** A chain of names that leads back to itself, where there is one. */
  cycle: string[] | null;
  check: Check;
}

/**
 * @throws Problem invalid: a rule that cannot be read, or one that refers to no rule
 */
export function createPolicy({ defaults, overrides = new Map(), checkKinds = new Map() }: PolicyOptions): Policy {
  /** Old name → the rules in its place. */
  const successors = new Map<string, string[]>();
  for (const [name, { deprecatedName: old }] of defaults)
    if (old !== undefined) successors.set(old, [...(successors.get(old) ?? []), name]);
  const compiled = new Map<string, Compiled>();
  const never: Check = () => false;

  function add(name: string, source: string, overridden: boolean): void {
    const scopeTypes = defaults.get(name)?.scopeTypes ?? null;
    compiled.set(name, { rule: parseRule(source, name), overridden, scopeTypes, cycle: null, check: never });
  }
  for (const [name, { check }] of defaults) add(name, check, false);
  for (const [name, source] of overrides) {
    // An override by the new name wins over one by the old.
    for (const newer of successors.get(name) ?? []) if (!overrides.has(newer)) add(newer, sourceOf(source), true);
    if (defaults.has(name) || !successors.has(name)) add(name, sourceOf(source), true);
  }

  const find = (name: string): Compiled | undefined =>
    compiled.get(name) ?? compiled.get(successors.get(name)?.[0] ?? '');
  for (const [name, { rule }] of compiled)
    for (const reference of references(rule))
      if (!find(reference)) throw unknownReference(name, reference, [...compiled.keys()]);
  for (const [name, entry] of compiled) entry.cycle = cycleFrom(name, find);
  const compile = (rule: Rule, name: string): Check => compileRule(rule, name, find, checkKinds);
  for (const [name, entry] of compiled) if (!entry.cycle) entry.check = compile(entry.rule, name);

  return {
    allows(name, credentials, target) {
      const entry = find(name);
      if (!entry || !inScope(entry.scopeTypes, credentials)) return false;
      return entry.check(credentials, target);
    },
    explain(name, credentials, target) {
      const entry = find(name);
      const rule = entry ? writeRule(entry.rule) : '!';
      const overridden = entry?.overridden ?? false;
      const answer = (
        allowed: boolean,
        text: Text,
        parts: string[],
        facts: Explanation['facts'] = {},
      ): Explanation => ({
        name,
        allowed,
        rule,
        overridden,
        parts,
        text,
        facts: { name, rule, part: parts, ...facts },
      });
      if (!entry) return answer(false, policyTexts.noSuchRule, []);
      if (entry.cycle) return answer(false, policyTexts.cyclic, [entry.cycle.join(' → ')]);
      if (!inScope(entry.scopeTypes, credentials))
        return answer(false, policyTexts.wrongScope, [], { scopes: entry.scopeTypes!, scope: scopeOf(credentials) });
      const allowed = entry.check(credentials, target);
      const parts = new Set<string>();
      why(entry.rule, allowed, name, false);
      return answer(allowed, allowed ? policyTexts.allowed : policyTexts.refused, [...parts]);

      /** Collects the checks that made `part` come out as `wanted`. */
      function why(part: Rule, wanted: boolean, within: string, negated: boolean): void {
        if (compile(part, within)(credentials, target) !== wanted) return;
        if (part.is === 'not') return why(part.of, !wanted, within, !negated);
        if (part.is === 'and' || part.is === 'or') return part.of.forEach(inner => why(inner, wanted, within, negated));
        const inner = part.is === 'check' && part.kind === 'rule' ? find(writeMatch(part.match)) : undefined;
        if (inner) return why(inner.rule, wanted, within, negated);
        parts.add(negated ? `not ${writeRule(part)}` : writeRule(part));
      }
    },
    rules: () =>
      new Map([...compiled].map(([name, { rule, overridden }]) => [name, { rule: writeRule(rule), overridden }])),
  };
}

function compileRule(
  rule: Rule,
  name: string,
  find: (name: string) => Compiled | undefined,
  kinds: ReadonlyMap<string, CheckKind>,
): Check {
  const inner = (part: Rule): Check => compileRule(part, name, find, kinds);
  switch (rule.is) {
    case 'all':
      return () => true;
    case 'none':
      return () => false;
    case 'not': {
      const of = inner(rule.of);
      return (credentials, target) => !of(credentials, target);
    }
    case 'and':
      return rule.of
        .map(inner)
        .reduce((a, b) => (credentials, target) => a(credentials, target) && b(credentials, target));
    case 'or':
      return rule.of
        .map(inner)
        .reduce((a, b) => (credentials, target) => a(credentials, target) || b(credentials, target));
  }
  if (rule.kind === 'rule') {
    const other = find(writeMatch(rule.match))!;
    // Late: the other rule may be compiled after this one.
    return (credentials, target) => other.check(credentials, target);
  }
  const kind = kinds.get(rule.kind);
  if (kind) return kind(writeMatch(rule.match));
  if (rule.kind === 'http' || rule.kind === 'https' || rule.kind === 'field')
    throw new Problem('invalid', policyTexts.unknownKind, { name, kind: rule.kind });
  return compileCheck(rule.kind, rule.match);
}

/** The first chain of references from a rule that comes back to a name on it. Such a rule refuses everybody. */
function cycleFrom(name: string, find: (name: string) => Compiled | undefined): string[] | null {
  const clean = new Set<Compiled>();
  function walk(at: string, chain: string[], on: Set<Compiled>): string[] | null {
    const entry = find(at)!;
    if (on.has(entry)) return [...chain, at];
    if (clean.has(entry)) return null;
    on.add(entry);
    for (const next of references(entry.rule)) {
      const found = walk(next, [...chain, at], on);
      if (found) return found;
    }
    on.delete(entry);
    clean.add(entry);
    return null;
  }
  return walk(name, [], new Set());
}

/** A token that is neither of the system nor of a domain counts as one of a project, as in oslo.policy. */
function scopeOf(credentials: Credentials): Scope {
  if (credentials.system_scope) return 'system';
  return credentials.domain_id && !credentials.project_id ? 'domain' : 'project';
}

function inScope(types: readonly Scope[] | null, credentials: Credentials): boolean {
  return types === null || types.length === 0 || types.includes(scopeOf(credentials));
}

function sourceOf(source: string | readonly (string | readonly string[])[]): string {
  if (typeof source === 'string') return source;
  if (source.length === 0) return '@';
  return source
    .map(all => (typeof all === 'string' ? all : `(${all.length === 0 ? '@' : all.join(' and ')})`))
    .join(' or ');
}

function unknownReference(name: string, reference: string, names: string[]): Problem {
  const near = nearest(reference, names);
  const hint = near === null ? policyTexts.defineIt : policyTexts.didYouMean;
  const hinted: Text = {
    id: policyTexts.unknownReference.id,
    say: (language, facts) =>
      policyTexts.unknownReference.say(language, { ...facts, hint: hint.say(language, { near }) }),
  };
  return new Problem('invalid', hinted, { name, reference, near });
}
