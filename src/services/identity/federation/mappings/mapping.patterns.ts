// Regular expressions of mapping rules. They are written for Python by administrators; both flavours agree on nearly all.

import type { Rule } from '#/services/identity/federation/mappings/mapping.schema.ts';

/** Longer ones are refused. */
const longest = 512;
const made = new Map<string, RegExp | null>();
const keptPatterns = 1_000;

/** The expression; null when it is none, or too long. */
export function pattern(text: string): RegExp | null {
  const known = made.get(text);
  if (known !== undefined) return known;
  if (made.size >= keptPatterns) made.clear();
  const result = text.length > longest ? null : compile(text);
  made.set(text, result);
  return result;
}

function compile(text: string): RegExp | null {
  const inline = /^\(\?([aimsux]+)\)/.exec(text);
  const flags = [...new Set(inline?.[1] ?? '')].filter(flag => 'ims'.includes(flag)).join('');
  const body = text
    .slice(inline?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replaceAll('\\A', '^')
    .replaceAll('\\Z', '$');
  try {
    return new RegExp(body, flags);
  } catch {
    return null;
  }
}

/** All that stand in rules. */
export function patternsOf(rules: readonly Rule[]): string[] {
  return rules
    .flatMap(({ remote }) => remote)
    .filter(({ regex }) => regex)
    .flatMap(({ any_one_of = [], not_any_of = [], blacklist = [], whitelist = [] }) => [
      ...any_one_of,
      ...not_any_of,
      ...blacklist,
      ...whitelist,
    ]);
}
