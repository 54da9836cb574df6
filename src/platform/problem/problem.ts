// What can go wrong, said once: a kind, a sentence in many languages, and the facts in it.

import type { Text } from '#/platform/text/text.ts';

export type ProblemKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'overQuota'
  | 'tooLarge'
  | 'unsupported'
  | 'notAcceptable'
  | 'unavailable';

export type Facts = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>;

/**
 * A refusal or failure that a user is told about. Anything else thrown is a bug and becomes a 500.
 * `cause` is only logged. `name` refines the kind where a service's wire format names its errors (`IpAddressInUse`).
 */
export class Problem extends Error {
  override name = 'Problem';
  readonly kind: ProblemKind;
  readonly text: Text;
  readonly facts: Facts;
  constructor(kind: ProblemKind, text: Text, facts: Facts = {}, options: { cause?: unknown } = {}) {
    super(text.id, options);
    this.kind = kind;
    this.text = text;
    this.facts = facts;
  }
  /** The sentence. @param language a tag such as `ko`; English where the text has none. */
  say(language = 'en'): string {
    return this.text.say(language, this.facts);
  }
}

/** One sentence about anything thrown, for faults and operation records; a bug says only that it is one. */
export function sentenceOf(thrown: unknown, language = 'en'): string {
  if (thrown instanceof Problem) return thrown.say(language);
  if (thrown instanceof Error) return thrown.message;
  return String(thrown);
}
