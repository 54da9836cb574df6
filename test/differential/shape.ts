// What two answers have in common but for what every cloud makes up itself: ids, times, addresses, sentences.

import type { Answer, Json } from '../identity/keystone.ts';

export interface Difference {
  /** `status`, `header vary`, `body user.name`. */
  aspect: string;
  theirs: string;
  ours: string;
}

/** Values that say how a request went, rather than when or by whom. */
const headers: Record<string, (value: string | undefined, answer: Answer) => string> = {
  'content-type': value => value?.split(';')[0] ?? '–',
  vary: value =>
    (value ?? '')
      .split(',')
      .map(name => name.trim().toLowerCase())
      // Which languages and encodings there are is each cloud's own affair.
      .filter(name => name !== '' && name !== 'accept-language' && name !== 'accept-encoding')
      .join(),
  'www-authenticate': value => value?.replace(/".*"/, '"…"') ?? '–',
  'x-subject-token': value => (value ? 'a token' : '–'),
  'openstack-auth-receipt': value => (value ? 'a receipt' : '–'),
  'x-openstack-request-id': value => (value?.startsWith('req-') ? 'an id' : '–'),
  location: value => (value ? 'an address' : '–'),
  allow: value =>
    (value ?? '')
      .split(',')
      .map(name => name.trim())
      .sort()
      .join(),
};

export function differencesOf(theirs: Answer, ours: Answer): Difference[] {
  if (theirs.status !== ours.status)
    return [{ aspect: 'status', theirs: String(theirs.status), ours: String(ours.status) }];
  const found: Difference[] = [];
  for (const [name, say] of Object.entries(headers)) {
    const [left, right] = [say(theirs.headers[name], theirs), say(ours.headers[name], ours)];
    if (left !== right) found.push({ aspect: `header ${name}`, theirs: left, ours: right });
  }
  compare(theirs.body, ours.body, 'body', found, true);
  return found;
}

function compare(theirs: Json, ours: Json, at: string, found: Difference[], values: boolean): void {
  const [left, right] = [kindOf(theirs), kindOf(ours)];
  // In a list, what one cloud's things lack the other's may have.
  if (!values && (left === 'null' || right === 'null')) return;
  if (left !== right) {
    found.push({ aspect: at, theirs: left, ours: right });
    return;
  }
  if (left === 'list') {
    // Each cloud has things of its own in its lists: what they look like counts.
    if (theirs.length && ours.length) compare(merged(theirs), merged(ours), `${at}[]`, found, false);
    return;
  }
  if (left === 'object') {
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const inner = `${at}.${key}`;
      if (!(key in theirs)) found.push({ aspect: inner, theirs: '–', ours: kindOf(ours[key]) });
      else if (!(key in ours)) found.push({ aspect: inner, theirs: kindOf(theirs[key]), ours: '–' });
      else compare(theirs[key], ours[key], inner, found, values);
    }
    return;
  }
  if (!values || /error\.message$|secret$|verifier$|access$/.test(at)) return;
  const [said, here] = [plain(theirs), plain(ours)];
  if (said !== here) found.push({ aspect: at, theirs: said, ours: here });
}

function kindOf(value: Json): string {
  if (Array.isArray(value)) return 'list';
  return value === null ? 'null' : value === undefined ? 'nothing' : typeof value;
}

/** One that has every key of all; a key that is null in some is what it is in the others. */
function merged(items: Json[]): Json {
  if (!items.every(item => kindOf(item) === 'object')) return items[0];
  const whole: Json = {};
  for (const item of items)
    for (const [key, value] of Object.entries(item))
      if (whole[key] === undefined || whole[key] === null) whole[key] = value;
      else if (kindOf(value) === 'object' && kindOf(whole[key]) === 'object')
        whole[key] = { ...(value as Json), ...whole[key] };
  return whole;
}

/** A value without what is made up. */
function plain(value: Json): string {
  return String(value)
    .replaceAll(/https?:\/\/[^/\s"]+(\/identity)?/g, '<url>')
    .replaceAll(/[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?/g, time => time.replaceAll(/\d/g, '0'))
    .replaceAll(/[\w-]{64,}/g, '<secret>');
}
