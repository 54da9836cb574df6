// Which tokens were revoked one by one, for services that keep tokens; and what went with PKI tokens and is gone for good.
// API: Identity v3, "OS-REVOKE", "OS-SIMPLE-CERT", "OS-PKI".

import { timestamp } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { any, open } from '#/platform/http/schema.ts';
import { serviceOrAdmin } from '#/services/identity/allow.ts';
import { tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { anyQuery, listLinks, printed, schemas } from '#/services/identity/wire.ts';

const events = endpoint({
  policy: 'identity:list_revoke_events',
  allow: serviceOrAdmin,
  route: 'GET /v3/OS-REVOKE/events',
  summary: 'Lists revocations of tokens that have not ended yet',
  query: anyQuery,
  replies: { 200: schemas.list('events') },
  async handle({ tx, request }) {
    const rows = await tables(tx).selectFrom('revokedTokens').selectAll().orderBy('auditId').execute();
    // An audit id is one token's: it was issued before it ends.
    const views = rows.map(row => ({
      audit_id: row.auditId,
      issued_before: printed(timestamp(Number(row.expiresAt))),
    }));
    return { 200: { events: views, links: listLinks(request) } };
  },
});

const gone = [
  { route: 'GET /v3/OS-SIMPLE-CERT/ca', policy: 'public' },
  { route: 'GET /v3/OS-SIMPLE-CERT/certificates', policy: 'public' },
  { route: 'GET /v3/auth/tokens/OS-PKI/revoked', policy: 'identity:revocation_list', allow: serviceOrAdmin },
].map(options =>
  endpoint({
    ...options,
    summary: 'Says that PKI tokens are gone',
    replies: { 410: open({ error: any() }) },
    handle: async ({ request }) => ({
      410: { error: { code: 410, message: t.pkiGone.say(request.language), title: 'Gone' } },
    }),
  }),
);

export const revocationEndpoints = [events, ...gone];
