// Cookies of browsers on their way through an identity provider. They are encrypted with keys made from those of tokens,
// so that neither can stand for the other.

import { hkdfSync } from 'node:crypto';
import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { RequestFacts } from '#/platform/http/endpoint.ts';

/** How long a browser may take at the provider. */
export const pendingSeconds = 900;

/** A login that was begun: what must come back with it. */
export interface Pending {
  idp: string;
  protocol: string;
  /** The dashboard that asked. */
  origin: string;
  /** SAML: the request's id. OIDC: the state. */
  request: string;
  nonce?: string;
  verifier?: string;
}

export interface Cookies {
  seal(pending: Pending): string;
  open(request: RequestFacts): Pending | null;
}

export function createCookies(keys: () => readonly FernetKey[], clock: Clock, random: Random): Cookies {
  return {
    seal: pending =>
      encryptFernet(derived(keys()[0]!), Buffer.from(JSON.stringify(pending)), { now: clock.now(), random }),
    open(request) {
      const value = cookieOf(request, pendingCookie);
      if (value === undefined) return null;
      const options = { now: clock.now(), ttlSeconds: pendingSeconds };
      const content = decryptFernet(keys().map(derived), value, options);
      return content && (JSON.parse(content.plain.toString()) as Pending);
    },
  };
}

function derived(key: FernetKey): FernetKey {
  return Buffer.from(hkdfSync('sha256', key, '', 'haneul federation cookie', 32));
}

export const pendingCookie = 'haneul-federation-login';
export const signOnCookie = 'haneul-federation-session';

export function cookieOf({ headers }: RequestFacts, name: string): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const cut = part.indexOf('=');
    if (part.slice(0, cut).trim() === name) return part.slice(cut + 1).trim();
  }
  return undefined;
}

/** The header that sets a cookie, or with an empty value takes it away. Scripts never see it. */
export function setCookie({ base }: RequestFacts, name: string, value: string, seconds: number): string {
  const { protocol, pathname } = new URL(base);
  const path = `${pathname}/v3`;
  const secure = protocol === 'https:' ? '; Secure' : '';
  return `${name}=${value}; Path=${path}; Max-Age=${value === '' ? 0 : seconds}; HttpOnly; SameSite=Lax${secure}`;
}
