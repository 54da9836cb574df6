// What is inside a token: as little as tells who it is for and where. All else is looked up when it is used, so that a
// change of roles or a deletion needs no change of tokens.

import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
import type { Random } from '#/platform/clock/clock.ts';

export type Scope =
  | { type: 'unscoped' }
  | { type: 'project'; id: string }
  | { type: 'domain'; id: string }
  | { type: 'system' };

export const authMethods = [
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
] as const;
export type AuthMethod = (typeof authMethods)[number];

export interface Payload {
  /** Whose token it is; with a trust the trustee, whoever is impersonated. */
  userId: string;
  methods: AuthMethod[];
  scope: Scope;
  /** Milliseconds since 1970. */
  issuedAt: number;
  expiresAt: number;
  /** Its own, then that of the first token of its chain. */
  auditIds: string[];
  /** The user's when it was made. */
  epoch: number;
  trustId?: string;
  applicationCredentialId?: string;
}

const scopeTypes = ['unscoped', 'project', 'domain', 'system'] as const;

/** The token's text. */
export function writeToken(key: FernetKey, payload: Payload, random: Random): string {
  const { userId, methods, scope, issuedAt, expiresAt, auditIds, epoch, trustId, applicationCredentialId } = payload;
  const bits = methods.reduce((sum, method) => sum | (1 << authMethods.indexOf(method)), 0);
  const fields = [
    userId,
    bits,
    scopeTypes.indexOf(scope.type),
    'id' in scope ? scope.id : 0,
    issuedAt,
    expiresAt,
    auditIds.join(' '),
    epoch,
  ];
  if (trustId || applicationCredentialId) fields.push(trustId ?? 0, applicationCredentialId ?? 0);
  const plain = Buffer.from(JSON.stringify(fields).slice(1, -1));
  return encryptFernet(key, plain, { now: issuedAt, random }).replace(/=+$/, '');
}

/** What a token says; null for what is none of ours. Its age is for the caller to judge. */
export function readToken(keys: readonly FernetKey[], token: string, now: number): Payload | null {
  if (token.length > 1024) return null;
  const content = decryptFernet(keys, token, { now });
  if (!content) return null;
  const [userId, bits, scopeType, scopeId, issuedAt, expiresAt, auditIds, epoch, trustId, applicationCredentialId] =
    JSON.parse(`[${content.plain.toString()}]`) as [
      string,
      number,
      number,
      string | 0,
      number,
      number,
      string,
      number,
      (string | 0)?,
      (string | 0)?,
    ];
  const type = scopeTypes[scopeType]!;
  return {
    userId,
    methods: authMethods.filter((_, at) => bits & (1 << at)),
    scope: type === 'project' || type === 'domain' ? { type, id: String(scopeId) } : { type },
    issuedAt,
    expiresAt,
    auditIds: auditIds.split(' '),
    epoch,
    ...(trustId ? { trustId } : {}),
    ...(applicationCredentialId ? { applicationCredentialId } : {}),
  };
}

/** A new audit id: 16 random bytes, as Keystone writes them. */
export function newAuditId(random: Random): string {
  return random.bytes(16).toString('base64url');
}
