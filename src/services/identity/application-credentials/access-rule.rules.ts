// Which calls an access rule covers.

export interface AccessRuleAsk {
  service: string;
  path: string;
  method: string;
}

/**
 * Whether one of the rules covers a call. In a rule's path `*` and `{name}` stand for one segment, `**` for any number.
 * @param call.services the catalog types under which the service is known; `path` is below its prefix
 */
export function coversCall(
  rules: readonly AccessRuleAsk[],
  call: { services: readonly string[]; method: string; path: string },
): boolean {
  return covers(rules, call, (wanted, given) => wanted === given);
}

/** Whether one of the rules covers some calls of a route, in whose path `{name}` stands for any segment. */
export function coversRoute(rules: readonly AccessRuleAsk[], route: Parameters<typeof coversCall>[1]): boolean {
  return covers(rules, route, (wanted, given) => wanted === given || given.startsWith('{'));
}

type Same = (wanted: string, given: string) => boolean;

function covers(rules: readonly AccessRuleAsk[], call: Parameters<typeof coversCall>[1], same: Same): boolean {
  return rules.some(
    rule =>
      rule.method === call.method &&
      call.services.includes(rule.service) &&
      fitsPath(rule.path.split('/'), call.path.split('/'), same),
  );
}

function fitsPath(pattern: string[], path: string[], same: Same): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === '**') return rest.length === 0 || path.some((_, at) => fitsPath(rest, path.slice(at), same));
  const [segment, ...others] = path;
  if (segment === undefined) return false;
  return (
    (first === '*' || /^\{.*\}$/.test(first) ? segment !== '' : same(first, segment)) && fitsPath(rest, others, same)
  );
}
