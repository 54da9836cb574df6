// A token for who signed a request with an EC2 key: for services that speak Amazon's dialects. Only services may ask, and
// the token carries what the key was bound to.
// API: Identity v3, "EC2 and S3 tokens" (`/v3/ec2tokens`, `/v3/s3tokens`).

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { any, as, mapOf, object, open, optional, string } from '#/platform/http/schema.ts';
import { serviceOrAdmin } from '#/services/identity/allow.ts';
import { ec2Id } from '#/services/identity/credentials/credential.api.ts';
import { findCredential, type Vault } from '#/services/identity/credentials/credential.store.ts';
import { ec2Fits, ec2IsFresh, s3Fits, s3IsFresh } from '#/services/identity/credentials/signature.rules.ts';
import { type CredentialRow, tables } from '#/services/identity/tables.ts';
import type { Authority, Known } from '#/services/identity/tokens/authority.ts';
import { enabledUser, refused } from '#/services/identity/tokens/context.ts';

const text = () => string({ max: 16_384 });
const texts = () => mapOf(as<string>(text()), { max: 512 });
const ec2Ask = open({
  access: text(),
  signature: text(),
  params: optional(texts()),
  headers: optional(texts()),
  host: optional(text()),
  verb: optional(text()),
  path: optional(text()),
  body_hash: optional(text()),
});
const reply = open({ token: any() });

export function signatureTokenEndpoints({ authority, vault }: { authority: Authority; vault: Vault }): Endpoint[] {
  const answer = async ({ token, known }: { token: string; known: Known }) => ({
    200: await authority.body(known, true),
    headers: { 'x-subject-token': token, vary: 'X-Auth-Token' },
  });

  /** @throws Problem unauthenticated */
  async function issueFor(tx: Tx, access: string, fits: (secret: string) => boolean) {
    const row = await findCredential(tx, ec2Id(access));
    const secret = row?.type === 'ec2' ? secretOf(vault.open(tx, row.blob)) : '';
    if (!row || !secret || !fits(secret)) throw refused();
    return authority.issue(tx, {
      ...(await boundsOf(tx, row)),
      methods: ['ec2credential'],
      scope: { type: 'project', id: row.projectId! },
      issuedAt: nowMs(tx),
      expiresAt: nowMs(tx) + authority.tokenSeconds * 1000,
      auditIds: [authority.newAuditId()],
    });
  }

  const ec2 = endpoint({
    policy: 'identity:ec2tokens_validate',
    allow: serviceOrAdmin,
    route: 'POST /v3/ec2tokens',
    summary: 'Exchanges the signature of an EC2 request for a token',
    body: open({ credentials: optional(ec2Ask), ec2Credentials: optional(ec2Ask) }),
    writes: false,
    replies: { 200: reply },
    async prepare({ db, body }) {
      const ask = body.credentials ?? body.ec2Credentials;
      if (!ask) throw refused();
      const { params = {}, ...rest } = ask;
      const signed = { ...rest, params };
      return answer(
        await db.read(tx => {
          if (!ec2IsFresh(signed, nowMs(tx))) throw refused();
          return issueFor(tx, ask.access, secret => ec2Fits(signed, secret));
        }),
      );
    },
    handle: async ({ prepared }) => prepared,
  });

  const s3 = endpoint({
    policy: 'identity:s3tokens_validate',
    allow: serviceOrAdmin,
    route: 'POST /v3/s3tokens',
    summary: 'Exchanges the signature of an S3 request for a token',
    body: object({ credentials: open({ access: text(), signature: text(), token: text() }) }),
    writes: false,
    replies: { 200: reply },
    prepare: async ({ db, body: { credentials: ask } }) =>
      answer(
        await db.read(tx => {
          if (!s3IsFresh(ask, nowMs(tx))) throw refused();
          return issueFor(tx, ask.access, secret => s3Fits(ask, secret));
        }),
      ),
    handle: async ({ prepared }) => prepared,
  });

  return [ec2, s3];
}

function secretOf(blob: string): string {
  const { secret } = JSON.parse(blob) as { secret?: unknown };
  return typeof secret === 'string' ? secret : '';
}

/** For whom the token is, and by what it is bound: with a trust it is the trustee's. @throws Problem unauthenticated */
async function boundsOf(tx: Tx, row: CredentialRow) {
  const { trustId, applicationCredentialId } = row;
  const trust =
    trustId === null
      ? null
      : await tables(tx).selectFrom('trusts').select('trusteeUserId').where('id', '=', trustId).executeTakeFirst();
  if (trust === undefined) throw refused();
  const user = await enabledUser(tx, trust?.trusteeUserId ?? row.userId);
  return {
    userId: user.id,
    epoch: user.tokenEpoch,
    ...(trustId === null ? {} : { trustId }),
    ...(applicationCredentialId === null ? {} : { applicationCredentialId }),
  };
}
