// OpenStack's rule language for policies (oslo.policy), read once into a tree.
// Grammar: `@` (all), `!` (none), `kind:match`, `not`, `and` (binds tighter than), `or`, parentheses; an empty rule is `@`.

import { Problem } from '#/platform/problem/problem.ts';
import { policyTexts } from './texts.ts';

export type Rule =
  | { is: 'all' }
  | { is: 'none' }
  | { is: 'not'; of: Rule }
  | { is: 'and' | 'or'; of: Rule[] }
  | { is: 'check'; kind: string; match: Match };

/** The right side of a check: text with `%(name)s` in it. One part per text or name. */
export type Match = ({ text: string } | { target: string })[];

/** Parentheses nest no deeper. */
const depthLimit = 100;

/** @throws Problem invalid: what is wrong, in which rule (`name`) */
export function parseRule(source: string, name: string): Rule {
  const tokens = tokenize(source);
  if (tokens.length === 0) return { is: 'all' };
  let at = 0;

  function wrong(reason: string): Problem {
    return new Problem('invalid', policyTexts.badRule, { name, rule: source, reason });
  }

  function or(depth: number): Rule {
    return chain('or', () => chain('and', () => unary(depth)));
  }

  function chain(word: 'and' | 'or', next: () => Rule): Rule {
    const of = [next()];
    while (tokens[at]?.toLowerCase() === word) {
      at++;
      of.push(next());
    }
    return of.length === 1 ? of[0]! : { is: word, of };
  }

  function unary(depth: number): Rule {
    const token = tokens[at++];
    if (depth > depthLimit) throw wrong('too deep');
    if (token === undefined) throw wrong('it ends too early');
    if (token.toLowerCase() === 'not') return { is: 'not', of: unary(depth + 1) };
    if (token === '(') {
      const inner = or(depth + 1);
      if (tokens[at++] !== ')') throw wrong('a ")" is missing');
      return inner;
    }
    if (token === ')' || token.toLowerCase() === 'and' || token.toLowerCase() === 'or')
      throw wrong(`"${token}" stands alone`);
    return check(token);
  }

  function check(token: string): Rule {
    if (token === '@') return { is: 'all' };
    if (token === '!') return { is: 'none' };
    // A quoted literal on the left may hold a colon.
    const quote = token[0] === "'" || token[0] === '"' ? token.indexOf(token[0], 1) : 0;
    const colon = token.indexOf(':', Math.max(quote, 0));
    if (colon <= 0) throw wrong(`"${token}" is no check; write kind:value`);
    return { is: 'check', kind: token.slice(0, colon), match: parseMatch(token.slice(colon + 1)) };
  }

  const rule = or(0);
  if (at < tokens.length) throw wrong(`"${tokens[at]}" is unexpected`);
  return rule;
}

/** Words, with the parentheses at their edges split off: those inside `%(name)s` stay. */
function tokenize(source: string): string[] {
  const tokens: string[] = [];
  for (let word of source.split(/\s+/)) {
    if (word === '') continue;
    while (word.startsWith('(')) {
      tokens.push('(');
      word = word.slice(1);
    }
    const bare = word.replace(/\)+$/, '');
    if (bare !== '') tokens.push(bare);
    for (let n = bare.length; n < word.length; n++) tokens.push(')');
  }
  return tokens;
}

function parseMatch(source: string): Match {
  const parts: Match = [];
  let end = 0;
  for (const found of source.matchAll(/%\(([^)]*)\)s/g)) {
    if (found.index > end) parts.push({ text: source.slice(end, found.index) });
    parts.push({ target: found[1]! });
    end = found.index + found[0].length;
  }
  if (end < source.length || parts.length === 0) parts.push({ text: source.slice(end) });
  return parts;
}

/** The rule as text again, in the fewest parentheses. */
export function writeRule(rule: Rule): string {
  switch (rule.is) {
    case 'all':
      return '@';
    case 'none':
      return '!';
    case 'not':
      return `not ${inParentheses(rule.of, rule.of.is === 'and' || rule.of.is === 'or')}`;
    case 'and':
    case 'or':
      return rule.of.map(part => inParentheses(part, part.is === 'or' && rule.is === 'and')).join(` ${rule.is} `);
  }
  return `${rule.kind}:${writeMatch(rule.match)}`;
}

function inParentheses(rule: Rule, wanted: boolean): string {
  return wanted ? `(${writeRule(rule)})` : writeRule(rule);
}

export function writeMatch(match: Match): string {
  return match.map(part => ('text' in part ? part.text : `%(${part.target})s`)).join('');
}

/** Names that the rule refers to by `rule:name`. */
export function references(rule: Rule): string[] {
  if (rule.is === 'not') return references(rule.of);
  if (rule.is === 'and' || rule.is === 'or') return rule.of.flatMap(references);
  return rule.is === 'check' && rule.kind === 'rule' ? [writeMatch(rule.match)] : [];
}
