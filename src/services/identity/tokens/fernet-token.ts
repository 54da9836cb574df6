// Tokens that only we can read: encrypted with Fernet.

import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
import type { Random } from '#/platform/clock/clock.ts';
import { type Bounds, methodNames, type Payload, type TokenFormat } from '#/services/identity/tokens/payload.ts';

/** @param keys primary first; asked each time, so that rotated keys are seen */
export function fernetTokens(keys: () => readonly FernetKey[], random: Random): TokenFormat {
  return {
    kept: payload => payload,
    write: async payload => writeToken(keys()[0]!, payload, random),
    read: async (token, now) => readToken(keys(), token, now),
  };
}

/** How the token spells what narrows it. */
const boundKeys = {
  t: 'trustId',
  a: 'applicationCredentialId',
  o: 'accessTokenId',
  i: 'identityProviderId',
  p: 'protocolId',
  x: 'thumbprint',
} as const satisfies Record<string, keyof Bounds>;

const scopeTypes = ['unscoped', 'project', 'domain', 'system'] as const;

function writeToken(key: FernetKey, payload: Payload, random: Random): string {
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

function readToken(keys: readonly FernetKey[], token: string, now: number): Payload | null {
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
