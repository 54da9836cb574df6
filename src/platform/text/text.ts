// Sentences for people, in every language the program speaks, as ICU MessageFormat patterns.
// Each service has a `texts.ts`; a language that lacks a sentence is a type error there.

import { IntlMessageFormat } from 'intl-messageformat';

export type Language = 'en' | 'ko';
export const languages: readonly Language[] = ['en', 'ko'];

export interface Text {
  /** `compute.serverNotFound`: stable, for tests and for "why". */
  id: string;
  /** The sentence with its facts. Unknown languages fall back to English. */
  say(language: string, facts?: Record<string, unknown>): string;
}

/**
 * A catalogue: name → sentence in every language.
 * @example texts('volume', { notFound: { en: 'Volume {id} could not be found.', ko: '볼륨 {id}을(를) 찾을 수 없습니다.' } })
 */
export function texts<T extends Record<string, Record<Language, string>>>(
  area: string,
  catalogue: T,
): { [K in keyof T]: Text } {
  const result = {} as { [K in keyof T]: Text };
  for (const name of Object.keys(catalogue) as (keyof T & string)[])
    result[name] = text(`${area}.${name}`, catalogue[name]!);
  return result;
}

function text(id: string, patterns: Record<Language, string>): Text {
  const formats = new Map<Language, IntlMessageFormat>();
  return {
    id,
    say(language, facts = {}) {
      const spoken: Language = language === 'ko' ? 'ko' : 'en';
      let format = formats.get(spoken);
      if (!format) formats.set(spoken, (format = new IntlMessageFormat(patterns[spoken], spoken)));
      return String(format.format(plain(patterns[spoken], facts)));
    },
  };
}

/** Lists become `a, b`, missing facts become `-`, numbers stay ungrouped: ids and sizes are read by programs too. */
function plain(pattern: string, facts: Record<string, unknown>): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [, name = ''] of pattern.matchAll(/\{(\w+)/g)) {
    const value = facts[name];
    named[name] = Array.isArray(value) ? value.join(', ') : value === undefined || value === null ? '-' : String(value);
  }
  return named;
}

/** The best language for an Accept-Language header (RFC 9110 §12.5.4). */
export function languageOf(header: string | undefined): Language {
  if (!header) return 'en';
  let best: Language = 'en';
  let weight = -1;
  for (const part of header.slice(0, 256).split(',')) {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';');
    const q = Number(
      parameters
        .find(p => p.trim().startsWith('q='))
        ?.trim()
        .slice(2) ?? 1,
    );
    const language = languages.find(l => tag === l || tag.startsWith(`${l}-`));
    if (language && Number.isFinite(q) && q > weight) [best, weight] = [language, q];
  }
  return best;
}
