// oslo.policy's rule language once more, apart from the product's own engine, to judge that engine's answers by.

export type Facts = Record<string, unknown>;

/** Whether a rule's text allows. `rule:` is not followed: the tables hold rules with all of these replaced. */
export function allowsByText(text: string, credentials: Facts, target: Facts): boolean {
  const words = text.match(/[^\s()]+:(?:%\([^)]*\)s|[^\s()]+)|[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const or = (): boolean => {
    let value = and();
    while (words[at] === 'or') {
      at++;
      value = and() || value;
    }
    return value;
  };
  const and = (): boolean => {
    let value = one();
    while (words[at] === 'and') {
      at++;
      value = one() && value;
    }
    return value;
  };
  const one = (): boolean => {
    const word = words[at++];
    if (word === 'not') return !one();
    if (word === '@') return true;
    if (word === '!') return false;
    if (word !== '(') return check(word!, credentials, target);
    const value = or();
    if (words[at++] !== ')') throw new Error(`not a rule: ${text}`);
    return value;
  };
  if (words.length === 0) return true;
  const value = or();
  if (at !== words.length) throw new Error(`not a rule: ${text}`);
  return value;
}

/** `kind:match`, as the GenericCheck and the RoleCheck of oslo.policy decide it. */
function check(word: string, credentials: Facts, target: Facts): boolean {
  const [, kind = '', match = ''] = /^('[^']*'|[^:]+):(.*)$/.exec(word) ?? [];
  let missing = false;
  const wanted = match.replaceAll(/%\(([^)]*)\)s/g, (_, name: string) => {
    const value = at(target, name.split('.'));
    if (value === undefined) missing = true;
    return python(value);
  });
  if (missing) return false;
  if (kind === 'role')
    return (credentials['roles'] as string[]).some(role => role.toLowerCase() === wanted.toLowerCase());
  if (/^'.*'$/.test(kind)) return kind.slice(1, -1) === wanted;
  if (['None', 'True', 'False'].includes(kind)) return kind === wanted;
  const value = at(credentials, kind.split('.'));
  return value !== undefined && python(value) === wanted;
}

function at(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? (inner as Facts)[step] : undefined),
    value,
  );
}

/** As Python's str() writes it. */
function python(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}
