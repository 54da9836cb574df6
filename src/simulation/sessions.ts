// Tokens that users of a simulation got, and what must become of them: good until they end or are revoked, never after.

import { collect, type Violation } from '#/audit/violation.ts';
import type { Told } from '#/simulation/model.ts';
import type { SimulatedUser } from '#/simulation/template.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';

export interface Session {
  user: SimulatedUser;
  token: string;
  /** Milliseconds since 1970, as the answer said. */
  expiresAt: number;
  /** `unknown`: something may have ended it, or the clock of the node that gave it was wrong. */
  state: 'live' | 'gone' | 'unknown';
}

export interface Sessions {
  readonly sessions: Session[];
  logIn(user: SimulatedUser, projectId: string): Promise<Session | undefined>;
  logOut(session: Session): Promise<void>;
  changePassword(user: SimulatedUser, password: string): Promise<void>;
  /** Whether each is still what it should be, now that no clock is wrong. */
  checkSessions(): Promise<Violation[]>;
}

type Ask = (
  user: SimulatedUser,
  method: string,
  path: string,
  sent?: unknown,
  headers?: Record<string, string>,
) => Promise<Told>;

/** By how much clocks may be apart. */
const skewMs = 5 * 60_000;

export function createSessions({ ask, now }: { ask: Ask; now(): number }): Sessions {
  const sessions: Session[] = [];
  /** The passwords that a user may have: several while it was not said whether a change was made. */
  const passwords = new Map<SimulatedUser, string[]>();
  const passwordsOf = (user: SimulatedUser): string[] => passwords.get(user) ?? [`${user.name}-password`];
  /** Grows when all tokens of a user end. */
  const epochs = new Map<SimulatedUser, number>();

  return {
    sessions,
    async logIn(user, projectId) {
      const epoch = epochs.get(user);
      const own = passwordsOf(user);
      const password = own[own.length - 1]!;
      const by = { methods: ['password'], password: { user: { id: user.caller.userId, password } } };
      const sent = { auth: { identity: by, scope: { project: { id: projectId } } } };
      const { status, body, headers } = await ask(user, 'POST', '/identity/v3/auth/tokens', sent);
      if (status === 401 && own.length > 1) own.unshift(own.pop()!);
      if (status !== 201) return undefined;
      const issuedAt = Date.parse(body.token.issued_at);
      const expiresAt = Date.parse(body.token.expires_at);
      const token = String(headers['x-subject-token']);
      const sure = epochs.get(user) === epoch && Math.abs(issuedAt - now()) < skewMs;
      const session: Session = { user, token, expiresAt, state: sure ? 'live' : 'unknown' };
      sessions.push(session);
      return session;
    },
    async logOut(session) {
      const { token, user } = session;
      session.state = 'unknown';
      const headers = { 'x-subject-token': token };
      const { status } = await ask(user, 'DELETE', '/identity/v3/auth/tokens', undefined, headers);
      if (status === 204) session.state = 'gone';
    },
    async changePassword(user, password) {
      const own = passwordsOf(user);
      const original = own[own.length - 1]!;
      epochs.set(user, (epochs.get(user) ?? 0) + 1);
      const before = sessions.filter(session => session.user === user && session.state === 'live');
      for (const session of before) session.state = 'unknown';
      passwords.set(user, [password, ...own]);
      const path = `/identity/v3/users/${user.caller.userId}/password`;
      const sent = { user: { original_password: original, password } };
      const { status } = await ask(user, 'POST', path, sent);
      if (status === 204) {
        passwords.set(user, [password]);
        for (const session of before) session.state = 'gone';
      }
      epochs.set(user, (epochs.get(user) ?? 0) + 1);
    },
    async checkSessions() {
      const { found, report } = collect();
      for (const { user, token, expiresAt, state } of sessions.splice(0)) {
        const ended = expiresAt < now();
        if (state === 'unknown' || (state === 'live' && !ended && expiresAt - now() < 10_000)) continue;
        const headers = { 'x-auth-token': token };
        const { status } = await ask(user, 'GET', '/compute/v2.1/os-keypairs', undefined, headers);
        const good = state === 'live' && !ended;
        const facts = { user: user.name, status };
        if (good && status !== 200) report('session', `user/${user.name}`, t.tokenLost, facts);
        if (!good && status !== 401) report('session', `user/${user.name}`, t.tokenLives, facts);
      }
      return found;
    },
  };
}
