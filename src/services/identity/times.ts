// Times as users send them.

import { Problem } from '#/platform/problem/problem.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/** ISO 8601, UTC where no zone is given → the form that is stored, to the microsecond. @throws Problem invalid */
export function readTime(value: string): string {
  const match = form.exec(value);
  const ms = match ? Date.parse(`${match[1]}${match[3] ?? 'Z'}`) : Number.NaN;
  if (!match || Number.isNaN(ms)) throw new Problem('invalid', t.badTime, { value: value.slice(0, 60) });
  return `${new Date(ms).toISOString().slice(0, 19)}.${(match[2] ?? '').slice(0, 6).padEnd(6, '0')}`;
}
