// What is inside a token: as little as tells who it is for and where. All else is looked up when it is used, so that a
// change of roles or a deletion needs no change of tokens.

import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
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
}
/** How the token spells them. */
const boundKeys = {
  t: 'trustId',
  a: 'applicationCredentialId',
  o: 'accessTokenId',
  i: 'identityProviderId',
  p: 'protocolId',
} as const satisfies Record<string, keyof Bounds>;

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

const scopeTypes = ['unscoped', 'project', 'domain', 'system'] as const;

/** The token's text. */
export function writeToken(key: FernetKey, payload: Payload, random: Random): string {
  const { userId, methods, scope, issuedAt, expiresAt, auditIds, epoch } = payload;
  const bits = methods.reduce((sum, method) => sum | (1 << methodNames.indexOf(method)), 0);
  const fields: unknown[] = [
    userId,
    bits,
    scopeTypes.indexOf(scope.type),
    'id' in scope ? scope.id : 0,
    issuedAt,
    expiresAt,
    auditIds.join(' '),
    epoch,
  ];
  const bounds = Object.entries(boundKeys).flatMap(([key, name]) => (payload[name] ? [[key, payload[name]]] : []));
  if (bounds.length) fields.push(Object.fromEntries(bounds));
  const plain = Buffer.from(JSON.stringify(fields).slice(1, -1));
  return encryptFernet(key, plain, { now: issuedAt, random }).replace(/=+$/, '');
}

/** What a token says; null for what is none of ours. Its age is for the caller to judge. */
export function readToken(keys: readonly FernetKey[], token: string, now: number): Payload | null {
  if (token.length > 1024) return null;
  const content = decryptFernet(keys, token, { now });
  if (!content) return null;
  const [userId, bits, scopeType, scopeId, issuedAt, expiresAt, auditIds, epoch, bounds = {}] = JSON.parse(
    `[${content.plain.toString()}]`,
  ) as [string, number, number, string | 0, number, number, string, number, Record<string, string>?];
  const type = scopeTypes[scopeType]!;
  const bound: Bounds = {};
  for (const [key, name] of Object.entries(boundKeys)) if (bounds[key] !== undefined) bound[name] = bounds[key];
  return {
    userId,
    methods: methodNames.filter((_, at) => bits & (1 << at)),
    scope: type === 'project' || type === 'domain' ? { type, id: String(scopeId) } : { type },
    issuedAt,
    expiresAt,
    auditIds: auditIds.split(' '),
    epoch,
    ...bound,
  };
}

/** A new audit id: 16 random bytes, as Keystone writes them. */
export function newAuditId(random: Random): string {
  return random.bytes(16).toString('base64url');
}
