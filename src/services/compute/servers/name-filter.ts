// Names are searched by regular expressions in Nova. These are read as far as a simple matcher goes — literals, `.`,
// classes, `*`, `+`, `?`, `^`, `$` — and matched in time that grows with the name and the pattern only. Whatever goes
// beyond that is looked for as it stands. Letters count alike in both cases.

interface Part {
  fits(letter: string): boolean;
  many: boolean;
  optional: boolean;
}

/** Whether a name matches. */
export function nameFilter(pattern: string): (name: string) => boolean {
  const start = pattern.startsWith('^');
  const end = /(^|[^\\])(\\\\)*\$$/.test(pattern);
  const parts = read(pattern.slice(start ? 1 : 0, end ? -1 : undefined));
  if (!parts) {
    const text = pattern.toLowerCase();
    return name => name.toLowerCase().includes(text);
  }
  return name => matches(parts, name.toLowerCase(), start, end);
}

function read(pattern: string): Part[] | null {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!;
    let fits: Part['fits'];
    if (letter === '[') {
      const close = pattern.indexOf(']', at + 2);
      if (close < 0) return null;
      fits = classOf(pattern.slice(at + 1, close));
      at = close;
    } else if (letter === '\\') {
      const escaped = pattern[++at];
      if (escaped === undefined) return null;
      fits = escapes[escaped] ?? same(escaped);
    } else if (letter === '.') fits = () => true;
    else if ('(){}|*+?^$'.includes(letter)) return null;
    else fits = same(letter);
    const quantifier = pattern[at + 1] ?? '';
    const counted = '*+?'.includes(quantifier) && quantifier !== '';
    if (counted) at++;
    parts.push({ fits, many: counted && quantifier !== '?', optional: counted && quantifier !== '+' });
  }
  return parts;
}

const escapes: Record<string, Part['fits']> = {
  d: letter => /\d/.test(letter),
  w: letter => /\w/.test(letter),
  s: letter => /\s/.test(letter),
};

function same(letter: string): Part['fits'] {
  const wanted = letter.toLowerCase();
  return one => one === wanted;
}

function classOf(text: string): Part['fits'] {
  const not = text.startsWith('^');
  const body = (not ? text.slice(1) : text).toLowerCase();
  const ranges: [string, string][] = [];
  for (let at = 0; at < body.length; at++) {
    if (body[at + 1] === '-' && at + 2 < body.length) {
      ranges.push([body[at]!, body[at + 2]!]);
      at += 2;
    } else ranges.push([body[at]!, body[at]!]);
  }
  return letter => ranges.some(([from, to]) => letter >= from && letter <= to) !== not;
}

/** Walks all possible places in the pattern at once. */
function matches(parts: Part[], name: string, start: boolean, end: boolean): boolean {
  let places = reach(parts, new Set([0]));
  if (!end && places.has(parts.length)) return true;
  for (const letter of name) {
    const next = new Set<number>(start ? [] : [0]);
    for (const place of places) {
      const part = parts[place];
      if (!part?.fits(letter)) continue;
      next.add(place + 1);
      if (part.many) next.add(place);
    }
    places = reach(parts, next);
    if (!end && places.has(parts.length)) return true;
  }
  return places.has(parts.length);
}

/** Places that are reached without a letter more. A part that may be many is optional once it was matched. */
function reach(parts: Part[], places: Set<number>): Set<number> {
  for (const place of places) if (parts[place]?.optional) places.add(place + 1);
  return places;
}
