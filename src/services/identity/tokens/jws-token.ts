// Tokens that anybody can read and check with our public keys: signed JWTs (ES256) with Keystone's claims. One more claim,
// `haneul_epoch`, is what lets all tokens of a user end at once.

import type { JwsKeys } from '#/platform/access/jws-keys.ts';
import {
  type Bounds,
  methodNames,
  type Payload,
  type Scope,
  type TokenFormat,
} from '#/services/identity/tokens/payload.ts';

const algorithm = 'ES256';
const mostCharacters = 4096;

/** @param keys asked each time, so that rotated keys are seen */
export function jwsTokens(keys: () => JwsKeys): TokenFormat {
  return {
    kept: payload => ({
      ...payload,
      issuedAt: wholeSeconds(payload.issuedAt) * 1000,
      expiresAt: wholeSeconds(payload.expiresAt) * 1000,
    }),
    write: async payload => {
      const { SignJWT } = await import('jose');
      return new SignJWT(claimsOf(payload)).setProtectedHeader({ alg: algorithm, typ: 'JWT' }).sign(keys().own);
    },
    read: async token => {
      if (token.length > mostCharacters) return null;
      for (const key of keys().trusted) {
        const claims = await verified(token, key);
        if (claims) return payloadOf(claims);
      }
      return null;
    },
  };
}

const boundClaims = {
  openstack_trust_id: 'trustId',
  openstack_app_cred_id: 'applicationCredentialId',
  openstack_access_token_id: 'accessTokenId',
  openstack_idp_id: 'identityProviderId',
  openstack_protocol_id: 'protocolId',
  openstack_thumbprint: 'thumbprint',
} as const satisfies Record<string, keyof Bounds>;

type Claims = Record<string, unknown>;

function claimsOf(payload: Payload): Claims {
  const { userId, methods, scope, issuedAt, expiresAt, auditIds, epoch } = payload;
  const bounds = Object.entries(boundClaims).flatMap(([claim, name]) =>
    payload[name] === undefined ? [] : [[claim, payload[name]] as const],
  );
  return {
    sub: userId,
    iat: wholeSeconds(issuedAt),
    exp: wholeSeconds(expiresAt),
    openstack_methods: methods,
    openstack_audit_ids: auditIds,
    ...(scope.type === 'system' ? { openstack_system: 'all' } : {}),
    ...(scope.type === 'domain' ? { openstack_domain_id: scope.id } : {}),
    ...(scope.type === 'project' ? { openstack_project_id: scope.id } : {}),
    ...Object.fromEntries(bounds),
    haneul_epoch: epoch,
  };
}

/** Null when this key has not signed it. Times are not judged here. */
async function verified(token: string, key: JwsKeys['own']): Promise<Claims | null> {
  const { compactVerify } = await import('jose');
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    const claims: unknown = JSON.parse(Buffer.from(payload).toString());
    return typeof claims === 'object' && claims !== null ? (claims as Claims) : null;
  } catch {
    return null;
  }
}

/** Null for what a trusted key has signed, but not for us. */
function payloadOf(claims: Claims): Payload | null {
  const { sub, iat, exp, openstack_methods: methods, openstack_audit_ids: auditIds, haneul_epoch: epoch } = claims;
  if (typeof sub !== 'string' || !isWhole(iat) || !isWhole(exp) || !isWhole(epoch)) return null;
  if (!isTexts(methods) || !isTexts(auditIds) || auditIds.length === 0) return null;
  const bounds: Bounds = {};
  for (const [claim, name] of Object.entries(boundClaims)) {
    const value = claims[claim];
    if (value === undefined) continue;
    if (typeof value !== 'string') return null;
    bounds[name] = value;
  }
  return {
    userId: sub,
    methods: methodNames.filter(name => methods.includes(name)),
    scope: scopeOf(claims),
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    auditIds,
    epoch,
    ...bounds,
  };
}

function scopeOf(claims: Claims): Scope {
  const { openstack_system: system, openstack_domain_id: domain, openstack_project_id: project } = claims;
  if (typeof project === 'string') return { type: 'project', id: project };
  if (typeof domain === 'string') return { type: 'domain', id: domain };
  return { type: system === 'all' ? 'system' : 'unscoped' };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}
