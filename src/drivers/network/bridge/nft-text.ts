// Parts of nft scripts as lines.

/** A named set or map; elements that come twice are one. @param type what stands behind `type`, flags and all */
export function named(what: 'set' | 'map', name: string, type: string, elements: string[]): string[] {
  return block(what, name, `type ${type}`, elements);
}

/** The same, of expressions that have no type of their own. */
export function typed(what: 'set' | 'map', name: string, expression: string, elements: string[]): string[] {
  return block(what, name, `typeof ${expression}`, elements);
}

function block(what: 'set' | 'map', name: string, type: string, elements: string[]): string[] {
  const unique = [...new Set(elements)];
  const list = unique.length > 0 ? [`  elements = { ${unique.join(', ')} }`] : [];
  return [` ${what} ${name} {`, `  ${type};`, ...list, ' }'];
}

/** @param rules the first may be the chain's hook */
export function chain(name: string, rules: string[]): string[] {
  return [` chain ${name} {`, ...rules.map(rule => `  ${rule}`), ' }'];
}
