// What is inside a token: as little as tells who it is for and where. All else is looked up when it is used, so that a
// change of roles or a deletion needs no change of tokens. `fernet-token.ts` and `jws-token.ts` write it down.

import type { Random } from '#/platform/clock/clock.ts';

export type Scope =
  | { type: 'unscoped' }
  | { type: 'project'; id: string }
  | { type: 'domain'; id: string }
  | { type: 'system' };

/** In the order of their bits in a token: only ever add at the end. */
export const methodNames = [
  'password',
  'token',
  'application_credential',
  'external',
  'totp',
  'oauth1',
  'mapped',
  'saml2',
  'openid',
  'ec2credential',
  'oauth2_credential',
] as const;
export type MethodName = (typeof methodNames)[number];

/** What narrows a token besides its scope: by what it was delegated. */
export interface Bounds {
  trustId?: string;
  applicationCredentialId?: string;
  /** OAuth 1.0: the access token. */
  accessTokenId?: string;
  /** Of a federated login: which provider vouched for the user, by which protocol. */
  identityProviderId?: string;
  protocolId?: string;
  /** Of the client certificate (SHA-256, base64url) without which it is good for nothing: RFC 8705. */
  thumbprint?: string;
}

export interface Payload extends Bounds {
  /** Whose token it is; with a trust the trustee, whoever is impersonated. */
  userId: string;
  methods: MethodName[];
  scope: Scope;
  /** Milliseconds since 1970. */
  issuedAt: number;
  expiresAt: number;
  /** Its own, then that of the first token of its chain. */
  auditIds: string[];
  /** The user's when it was made. */
  epoch: number;
}

/** How a payload becomes the text of a token, and is read from it. */
export interface TokenFormat {
  /** The payload as precisely as a token says it. */
  kept(payload: Payload): Payload;
  write(payload: Payload): Promise<string>;
  /** What a token says; null for what is none of ours. Its age is for the caller to judge. */
  read(token: string, now: number): Promise<Payload | null>;
}

/** A new audit id: 16 random bytes, as Keystone writes them. */
export function newAuditId(random: Random): string {
  return random.bytes(16).toString('base64url');
}
