// Logins are told as events with a CADF record (`identity.authenticate`): who, from where, by which methods, with what
// outcome. Those at the same moment share a transaction. A successful one waits for its record; failures do not, and are
// told within limits.

import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { emit, type Event } from '#/platform/events/events.ts';
import type { RequestFacts } from '#/platform/http/endpoint.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { cadfEvent, type CadfFacts } from '#/services/identity/notifications.ts';
import { failureThrottle } from '#/services/identity/tokens/failure-throttle.ts';
import { RefusedLogin } from '#/services/identity/tokens/refused-login.ts';

export interface LoginFacts {
  request: RequestFacts;
  methods: readonly string[];
  /** Null where nobody has been found. */
  user: { id: string; name?: string } | null;
  projectId?: string | null;
  /** Of a federated login: whose word it was. */
  vouchedBy?: { identityProvider: string; protocol: string };
}

export interface LoginRecorder {
  succeeded(facts: LoginFacts): Promise<void>;
  /** Right so far, but another method is needed. */
  pending(facts: LoginFacts): Promise<void>;
  /** @param thrown anything; only refusals are told */
  refused(facts: LoginFacts, thrown: unknown): void;
  /** A new password that is not what the operator demands. */
  passwordRefused(facts: Omit<LoginFacts, 'methods'>, thrown: unknown): void;
}

/** More than these wait for nobody: failures beyond are left out. */
const mostWaiting = 1_000;
const atOnce = 200;

export function loginRecorder({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): LoginRecorder {
  const throttle = failureThrottle(clock);
  let waiting: { make(tx: Tx): Event; done(): void; failed(error: unknown): void }[] = [];
  let writing = false;

  function write(make: (tx: Tx) => Event): Promise<void> {
    return new Promise((done, failed) => {
      waiting.push({ make, done, failed });
      if (!writing) void writeAll();
    });
  }

  async function writeAll(): Promise<void> {
    writing = true;
    while (waiting.length) {
      const batch = waiting.slice(0, atOnce);
      waiting = waiting.slice(atOnce);
      try {
        await db.write(async tx => {
          for (const { make } of batch) await emit(tx, make(tx));
        });
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    writing = false;
  }

  function told(facts: Omit<CadfFacts, 'action'>, about: LoginFacts): Promise<void> {
    return write(tx => authenticated(tx, facts, about));
  }

  function failure({ request }: Pick<LoginFacts, 'request'>, make: (tx: Tx, leftOut: number) => Event): void {
    const leftOut = throttle.take(request.remoteAddress);
    if (leftOut === null || waiting.length >= mostWaiting) return;
    write(tx => make(tx, leftOut)).catch((error: unknown) => log.warn({ error }, 'a failed login could not be told'));
  }

  return {
    succeeded: facts => told({ outcome: 'success' }, facts),
    pending: facts => told({ outcome: 'pending' }, facts),
    refused(facts, thrown) {
      if (!(thrown instanceof Problem) || thrown.kind !== 'unauthenticated') return;
      const why = thrown.cause instanceof RefusedLogin ? thrown.cause : null;
      const user = facts.user ?? (why?.userId != null ? { id: why.userId } : null);
      const reason = why ? { reason: { reasonType: why.reason, reasonCode: '401' } } : {};
      failure(facts, (tx, leftOut) =>
        authenticated(tx, { outcome: 'failure', leftOut, ...reason }, { ...facts, user }),
      );
    },
    passwordRefused({ request, user }, thrown) {
      if (!(thrown instanceof Problem) || thrown.kind !== 'invalid' || !user) return;
      const reason = { reasonType: thrown.say(), reasonCode: '400' };
      failure({ request }, (tx, leftOut) => ({
        type: 'identity.user.updated',
        projectId: null,
        resourceId: user.id,
        requestId: request.id,
        payload: cadfEvent(tx, request, {
          ...{ action: 'updated.user', outcome: 'failure', reason, leftOut },
          initiator: { id: user.id, user_id: user.id },
          target: { typeURI: 'data/security/account/user', id: user.id },
        }),
      }));
    },
  };
}

function authenticated(tx: Tx, facts: Omit<CadfFacts, 'action'>, about: LoginFacts): Event {
  const { request, user, methods, projectId = null, vouchedBy } = about;
  const id = user?.id ?? 'unknown';
  return {
    type: 'identity.authenticate',
    projectId: null,
    resourceId: id,
    requestId: request.id,
    payload: cadfEvent(tx, request, {
      action: 'authenticate',
      ...facts,
      initiator: {
        id,
        ...(user ? { user_id: user.id } : {}),
        ...(user?.name === undefined ? {} : { username: user.name }),
        ...(projectId === null ? {} : { project_id: projectId }),
        ...(vouchedBy
          ? {
              credential: {
                type: 'http://docs.oasis-open.org/security/saml/v2.0',
                identity_provider: vouchedBy.identityProvider,
                protocol: vouchedBy.protocol,
                user: id,
              },
            }
          : {}),
      },
      target: { typeURI: 'service/security/account/user', id, methods },
    }),
  };
}
