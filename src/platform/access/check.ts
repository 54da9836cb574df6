// Single checks of the rule language: `role:admin`, `project_id:%(project_id)s`, `'public':%(visibility)s`.

import type { Match } from './rule-language.ts';

/** Who asks, as policy rules see it. */
export interface Credentials {
  user_id: string | null;
  project_id: string | null;
  domain_id: string | null;
  roles: readonly string[];
  system_scope: 'all' | null;
  is_admin_project: boolean;
  user_domain_id: string | null;
  project_domain_id: string | null;
  /** More that a service's rules ask for: `is_admin`, `service_roles`, `trust`, `token` … */
  [name: string]: unknown;
}

/** What is asked for. Names in rules (`target.user.domain_id`) are found flat or nested. */
export type Target = Readonly<Record<string, unknown>>;

export type Check = (credentials: Credentials, target: Target) => boolean;

/**
 * A check kind that a service adds, such as Neutron's `field:networks:shared=True`.
 * @param match the right side, names not yet filled in
 */
export type CheckKind = (match: string) => Check;

/**
 * `role:` is case-insensitive. Otherwise the left side is a literal or a path into the credentials, a list there means
 * any of its items, and both sides are compared as text (`True`, `False`, `None`).
 * A name that the target lacks never matches. Nor does null from the target match null in the credentials: no project
 * is not "the same project". (The literal `None` matches null on either side.)
 */
export function compileCheck(kind: string, match: Match): Check {
  const right = compileMatch(match);
  if (kind === 'role') return roleCheck(match, right);
  const literal = literalOf(kind);
  if (literal !== undefined) return (_, target) => right(target, true) === literal;
  const path = kind.split('.');
  const allowNull = match.every(part => 'text' in part);
  return (credentials, target) => {
    const wanted = right(target, allowNull);
    return wanted !== undefined && reach(credentials, kind, path, 0, wanted);
  };
}

function roleCheck(match: Match, right: Right): Check {
  const fixed = match.length === 1 && 'text' in match[0]! ? match[0].text.toLowerCase() : null;
  return ({ roles }, target) => {
    const role = fixed ?? right(target, false)?.toLowerCase();
    if (role === undefined) return false;
    for (const own of roles) if (own === role || own.toLowerCase() === role) return true;
    return false;
  };
}

/** The filled-in text, or undefined where the target lacks a name (or has null there, and `allowNull` is false). */
type Right = (target: Target, allowNull: boolean) => string | undefined;

function compileMatch(match: Match): Right {
  const [first] = match;
  if (match.length === 1 && 'text' in first!) return () => first.text;
  if (match.length === 1 && 'target' in first!) {
    const find = finder(first.target);
    return (target, allowNull) => {
      const value = find(target);
      return value === undefined || (value === null && !allowNull) ? undefined : textOf(value);
    };
  }
  const parts = match.map(part => ('text' in part ? part.text : finder(part.target)));
  return (target, allowNull) => {
    let text = '';
    for (const part of parts) {
      const value = typeof part === 'string' ? part : part(target);
      if (value === undefined || (value === null && !allowNull)) return undefined;
      text += textOf(value);
    }
    return text;
  };
}

function finder(name: string): (target: Target) => unknown {
  const path = name.split('.');
  return target => {
    if (Object.hasOwn(target, name)) return target[name];
    if (path.length === 1) return undefined;
    let at: unknown = target;
    for (const step of path) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
      at = (at as Record<string, unknown>)[step];
    }
    return at;
  };
}

function reach(at: unknown, whole: string, path: string[], depth: number, wanted: string): boolean {
  if (depth === 0 && path.length > 1 && Object.hasOwn(at as object, whole))
    return reach((at as Record<string, unknown>)[whole], whole, path, path.length, wanted);
  if (Array.isArray(at)) return at.some(item => reach(item, whole, path, depth, wanted));
  if (depth === path.length) return at !== undefined && textOf(at) === wanted;
  const step = path[depth]!;
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return false;
  return reach((at as Record<string, unknown>)[step], whole, path, depth + 1, wanted);
}

/** Python's way to write a value, which is what rules compare with. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value) ?? '';
}

/** The text of a literal on the left side: quoted, a number, True, False or None. */
export function literalOf(kind: string): string | undefined {
  const quoted = /^'(.*)'$|^"(.*)"$/.exec(kind);
  if (quoted) return quoted[1] ?? quoted[2];
  if (kind === 'True' || kind === 'False' || kind === 'None' || /^-?\d+(\.\d+)?$/.test(kind)) return kind;
  return undefined;
}
