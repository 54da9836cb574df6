// Bundles: ready roles, each with the rules that make it what it is. Several may be applied at once; then their rules are
// one policy file, made of the defaults and of what each bundle adds or takes.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Language } from '#/platform/text/text.ts';

/** A rule as bundles choose it. */
export interface KnownRule {
  name: string;
  service: string;
  /** Its default. */
  check: string;
  /** Of the endpoints that name it; empty for a rule that is asked inside others. */
  methods: readonly string[];
}

/** Some of the rules: those of the services, with these names (`*` stands for anything), less those of `except`. */
interface Choice {
  services?: string[];
  rules?: string[];
  /** Only rules of calls that read, or only those of calls that write. */
  reads?: boolean;
  writes?: boolean;
  except?: string[];
}

export interface Bundle extends Record<Language, string> {
  role: string;
  /** Roles that it brings. */
  implies?: string[];
  /** Who may besides those of the default. */
  allow?: (Choice & { who: string })[];
  /** The bundle's role may what this one may by the default. */
  like?: (Choice & { role: string })[];
  /** Who may not, whatever the default says. */
  refuse?: (Choice & { who: string })[];
}

/** Those that come with the program, by name. */
export function readBundles(): Map<string, Bundle> {
  const directory = join(import.meta.dirname, 'bundles');
  const names = readdirSync(directory).sort();
  return new Map(
    names.map(name => [name.replace(/\.yaml$/, ''), parse(readFileSync(join(directory, name), 'utf8')) as Bundle]),
  );
}

/** What the bundles together change: rule → its text. */
export function rulesOfBundles(bundles: readonly Bundle[], known: readonly KnownRule[]): Map<string, string> {
  const changed = new Map<string, string>();
  for (const rule of known) {
    const chosen = <C extends Choice>(choices: C[] = []): C[] => choices.filter(choice => chooses(choice, rule));
    const more = bundles.flatMap(({ role, allow, like }) => [
      ...chosen(allow).map(({ who }) => who),
      ...chosen(like).map(({ role: as }) => insteadOf(rule.check, as, role)),
    ]);
    const less = bundles.flatMap(({ refuse }) => chosen(refuse).map(({ who }) => who));
    const everyone = rule.check === '';
    const added = everyone ? [] : more.filter(who => who !== rule.check);
    if (!added.length && !less.length) continue;
    const allowed = [everyone ? '@' : rule.check, ...added].map(inParentheses).join(' or ');
    changed.set(rule.name, [`(${allowed})`, ...less.map(who => `not ${inParentheses(who)}`)].join(' and '));
  }
  return changed;
}

function chooses({ services, rules = ['*'], reads, writes, except = [] }: Choice, rule: KnownRule): boolean {
  const fits = (pattern: string): boolean =>
    new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(rule.name);
  const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';
  if (services && !services.includes(rule.service)) return false;
  if (reads && !(rule.methods.length && rule.methods.every(isRead))) return false;
  if (writes && !rule.methods.some(method => !isRead(method))) return false;
  return rules.some(fits) && !except.some(fits);
}

/** The default with one role in the place of another: what that one may, this one may. */
function insteadOf(check: string, as: string, role: string): string {
  return check.replaceAll(new RegExp(`role:${as}(?![\\w-])`, 'g'), `role:${role}`);
}

function inParentheses(text: string): string {
  return `(${text})`;
}
