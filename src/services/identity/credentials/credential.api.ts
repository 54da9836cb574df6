// Credentials of any type that a user keeps.
// API: Identity v3, "Credentials".

import { createHash } from 'node:crypto';
import type { Caller } from '#/platform/access/caller.ts';
import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, either, mapOf, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { credentialRules } from '#/services/identity/allow.ts';
import { judge, somewhereOwn } from '#/services/identity/judge.ts';
import type { CredentialRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import {
  anyQuery,
  checkSameId,
  extraOf,
  json,
  listOf,
  notFound,
  one,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';
import {
  deleteCredential,
  findCredential,
  insertCredential,
  listCredentials,
  updateCredential,
  type Vault,
} from '#/services/identity/credentials/credential.store.ts';

const known = ['id', 'user_id', 'project_id', 'type', 'blob', 'links'] as const;
const blob = () => either(string(), mapOf(any()));
const reply = schemas.wrapped('credential');

export const credentialFinder: Finder<CredentialRow> = {
  async find({ tx, path, caller }) {
    const row = await findCredential(tx, path['credential_id']!);
    return row && withinBounds(caller, row) ? row : undefined;
  },
  missing: path => notFound('credential', path['credential_id']),
  target: row => ({ user_id: row.userId, target: { credential: { user_id: row.userId } } }),
  visible: () => false,
};

/** EC2 credentials are known by the digest of their access key. */
export function ec2Id(access: string): string {
  return createHash('sha256').update(access).digest('hex');
}

/** What a delegated token is bound to goes with the credential, so that the key can do no more than the token. */
export function bounds(caller: Caller): { trustId: string | null; applicationCredentialId: string | null } {
  const { trustId, applicationCredentialId } = caller.token as { trustId?: string; applicationCredentialId?: string };
  return { trustId: trustId ?? null, applicationCredentialId: applicationCredentialId ?? null };
}

/** A delegated token sees only what was made under the same delegation: other secrets would widen it. */
export function withinBounds(caller: Caller, row: CredentialRow): boolean {
  if (caller.token['trustId'] !== undefined) return row.trustId === caller.token['trustId'];
  return caller.token['restricted'] !== true || row.applicationCredentialId === caller.token['applicationCredentialId'];
}

/** The access key in an EC2 credential's content. @throws Problem invalid */
function accessIn(type: string, content: string, projectId: string | null): string | null {
  if (type !== 'ec2') return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (cause) {
    throw new Problem('invalid', t.badBlob, {}, { cause });
  }
  const { access, secret } = (parsed ?? {}) as { access?: unknown; secret?: unknown };
  if (typeof access !== 'string' || access === '' || typeof secret !== 'string')
    throw new Problem('invalid', t.badBlob);
  if (projectId === null) throw new Problem('invalid', t.needsProject);
  return access;
}

export function credentialEndpoints(vault: Vault): Endpoint[] {
  const view = (tx: Tx, row: CredentialRow, request: RequestFacts): Wire => ({
    ...json(row.extra),
    id: row.id,
    type: row.type,
    blob: vault.open(tx, row.blob),
    user_id: row.userId,
    project_id: row.projectId,
    links: { self: selfLink(request, `credentials/${row.id}`) },
  });

  const list = endpoint({
    policy: 'identity:list_credentials',
    allow: credentialRules.get,
    route: 'GET /v3/credentials',
    summary: 'Lists credentials',
    find: somewhereOwn,
    query: anyQuery,
    replies: { 200: schemas.list('credentials') },
    async handle({ tx, caller, policy, query, request }) {
      // Who speaks for the system asks about everybody's.
      if (caller.systemScope) judge({ caller, policy }, 'identity:list_credentials', {});
      const rows = await listCredentials(tx, { userId: one(query, 'user_id'), type: one(query, 'type') });
      const mine = rows.filter(
        row =>
          withinBounds(caller, row) &&
          policy.allows('identity:get_credential', caller.credentials, {
            user_id: row.userId,
            target: { credential: { user_id: row.userId } },
          }),
      );
      return {
        200: listOf(
          request,
          query,
          'credentials',
          mine.map(row => view(tx, row, request)),
          [],
        ),
      };
    },
  });

  const show = endpoint({
    policy: 'identity:get_credential',
    allow: credentialRules.get,
    route: 'GET /v3/credentials/{credential_id}',
    summary: 'Shows a credential',
    find: credentialFinder,
    replies: { 200: reply },
    handle: async ({ tx, found, request }) => ({ 200: { credential: view(tx, found, request) } }),
  });

  const create = endpoint({
    policy: 'identity:create_credential',
    allow: credentialRules.change,
    route: 'POST /v3/credentials',
    summary: 'Creates a credential',
    find: somewhereOwn,
    body: object({
      credential: open({
        type: string({ min: 1, max: 255 }),
        blob: blob(),
        user_id: optional(schemas.id()),
        project_id: optional(nullable(schemas.id())),
      }),
    }),
    replies: { 201: reply },
    async handle({ tx, body: { credential: ask }, caller, policy, request }) {
      const userId = ask.user_id ?? caller.userId;
      judge({ caller, policy }, 'identity:create_credential', { target: { credential: { user_id: userId } } });
      const projectId = ask.project_id ?? null;
      const content = typeof ask.blob === 'string' ? ask.blob : JSON.stringify(ask.blob);
      const access = accessIn(ask.type, content, projectId);
      const id = access === null ? newHexId(tx) : ec2Id(access);
      if (await findCredential(tx, id)) throw new Problem('conflict', t.duplicateId, { what: 'credential', id });
      const row: CredentialRow = {
        id,
        userId,
        projectId,
        type: ask.type,
        blob: vault.seal(tx, content),
        accessKey: access,
        extra: JSON.stringify(extraOf(ask, known)),
        ...bounds(caller),
      };
      await insertCredential(tx, row);
      return { 201: { credential: view(tx, row, request) } };
    },
  });

  const update = endpoint({
    policy: 'identity:update_credential',
    allow: credentialRules.change,
    route: 'PATCH /v3/credentials/{credential_id}',
    summary: 'Changes a credential',
    find: credentialFinder,
    body: object({
      credential: open({
        type: optional(string({ min: 1, max: 255 })),
        blob: optional(blob()),
        user_id: optional(schemas.id()),
        project_id: optional(nullable(schemas.id())),
      }),
    }),
    replies: { 200: reply },
    async handle({ tx, body: { credential: ask }, found, caller, policy, request }) {
      checkSameId(ask, found.id);
      const userId = ask.user_id ?? found.userId;
      judge({ caller, policy }, 'identity:update_credential', { target: { credential: { user_id: userId } } });
      const type = ask.type ?? found.type;
      const projectId = ask.project_id === undefined ? found.projectId : ask.project_id;
      const content =
        ask.blob === undefined
          ? vault.open(tx, found.blob)
          : typeof ask.blob === 'string'
            ? ask.blob
            : JSON.stringify(ask.blob);
      const bound = found.trustId ?? found.applicationCredentialId;
      if (bound !== null && (userId !== found.userId || projectId !== found.projectId))
        throw new Problem('forbidden', t.credentialFixed, { what: 'user_id, project_id' });
      const accessKey = accessIn(type, content, projectId);
      if (found.type === 'ec2' && accessKey !== found.accessKey)
        throw new Problem('invalid', t.credentialFixed, { what: 'type, access' });
      const row: CredentialRow = {
        ...found,
        userId,
        projectId,
        type,
        accessKey,
        blob: vault.seal(tx, content),
        extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
      };
      await updateCredential(tx, row);
      return { 200: { credential: view(tx, row, request) } };
    },
  });

  const remove = endpoint({
    policy: 'identity:delete_credential',
    allow: credentialRules.change,
    route: 'DELETE /v3/credentials/{credential_id}',
    summary: 'Deletes a credential',
    find: credentialFinder,
    replies: { 204: null },
    async handle({ tx, found }) {
      await deleteCredential(tx, found.id);
      return { 204: undefined };
    },
  });

  return [list, show, create, update, remove];
}
