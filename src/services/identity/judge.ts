// How a rule is judged when it speaks of a domain or a user that only the request's body or query names.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { notFound } from '#/services/identity/wire.ts';

export interface Asker {
  policy: Policy;
  caller: Caller;
}

/** @throws Problem forbidden */
export function judge({ policy, caller }: Asker, rule: string, target: Record<string, unknown>): void {
  if (policy.allows(rule, caller.credentials, target)) return;
  const { parts } = policy.explain(rule, caller.credentials, target);
  throw new Problem('forbidden', platformTexts.forbidden, { rule, needs: parts });
}

/**
 * Stands for what has no row yet: the rule is judged as if the caller's own domain and person were meant, which lets
 * through whoever may do it somewhere; the handler judges again with what is really meant.
 */
export const somewhereOwn: Finder<{ domainId: string | null; userId: string }> = {
  find: async ({ caller }) => ({ domainId: caller.domainId, userId: caller.userId }),
  missing: path => notFound('resource', Object.values(path).at(-1)),
  visible: () => true,
  target: ({ domainId, userId }) => {
    const own = { id: userId, domain_id: domainId };
    return {
      user_id: userId,
      domain_id: domainId,
      target: {
        domain_id: domainId,
        domain: { id: domainId },
        user: own,
        group: { domain_id: domainId },
        project: { domain_id: domainId },
        credential: { user_id: userId },
        trust: { trustor_user_id: userId, trustee_user_id: userId },
      },
    };
  },
};

/** The domain to which a domain-scoped caller's lists are confined; null: not confined. */
export function confinedTo(caller: Caller): string | null {
  return caller.isAdmin || caller.systemScope ? null : caller.domainId;
}

/** The domain that is meant when a request names none: that of the token. */
export function domainOfToken(caller: Caller): string | null {
  return caller.domainId ?? caller.credentials.project_domain_id ?? null;
}
