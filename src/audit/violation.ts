// A broken promise, named.

import type { Language, Text } from '#/platform/text/text.ts';

/** The invariants, after what each guards. */
export type Invariant =
  | 'host objects'
  | 'transitional status'
  | 'operation'
  | 'owner'
  | 'allocation'
  | 'quota'
  | 'address'
  | 'server group'
  | 'session';

export interface Violation {
  invariant: Invariant;
  /** `server/<id>`, `port/<id>`, …: what it is about. */
  resource: string;
  /** What is wrong, in every language. */
  sentence: Record<Language, string>;
}

export type Report = (invariant: Invariant, resource: string, text: Text, facts: Record<string, unknown>) => void;

/** Collects violations. */
export function collect(): { found: Violation[]; report: Report } {
  const found: Violation[] = [];
  return {
    found,
    report: (invariant, resource, text, facts) =>
      void found.push({
        invariant,
        resource,
        sentence: { en: text.say('en', facts), ko: text.say('ko', facts) },
      }),
  };
}
