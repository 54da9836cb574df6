// OAuth 1.0 consumers: programs that may ask users for access.
// API: Identity v3, "OS-OAUTH1".

import { contextOf, newHexId } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { object, open, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { deleteTokensOfConsumer } from '#/services/identity/oauth/oauth.store.ts';
import { type ConsumerRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import {
  anyQuery,
  checkSameId,
  extraOf,
  json,
  listOf,
  notFound,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';

const path = '/v3/OS-OAUTH1/consumers';
const known = ['id', 'description', 'secret', 'links'] as const;
const reply = schemas.wrapped('consumer');

function view(row: ConsumerRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    description: row.description,
    links: { self: selfLink(request, `OS-OAUTH1/consumers/${row.id}`) },
  };
}

const finder: Finder<ConsumerRow> = {
  find: ({ tx, path: { consumer_id: id = '' } }) =>
    tables(tx).selectFrom('oauthConsumers').selectAll().where('id', '=', id).executeTakeFirst(),
  missing: ({ consumer_id: id }) => notFound('consumer', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_consumers',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists OAuth consumers',
  query: anyQuery,
  replies: { 200: schemas.list('consumers') },
  async handle({ tx, query, request }) {
    const rows = await tables(tx).selectFrom('oauthConsumers').selectAll().orderBy('id').execute();
    return {
      200: listOf(
        request,
        query,
        'consumers',
        rows.map(row => view(row, request)),
        [],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_consumer',
  allow: systemReader,
  route: `GET ${path}/{consumer_id}`,
  summary: 'Shows an OAuth consumer',
  find: finder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { consumer: view(found, request) } }),
});

const update = endpoint({
  policy: 'identity:update_consumer',
  allow: admin,
  route: `PATCH ${path}/{consumer_id}`,
  summary: 'Changes an OAuth consumer',
  find: finder,
  body: object({ consumer: open({ description: schemas.description() }) }),
  replies: { 200: reply },
  async handle({ tx, body: { consumer: ask }, found, request }) {
    checkSameId(ask, found.id);
    if ('secret' in ask) throw new Problem('invalid', t.consumerSecret);
    const row: ConsumerRow = {
      ...found,
      description: ask.description === undefined ? found.description : ask.description,
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
    };
    await tables(tx).updateTable('oauthConsumers').set(row).where('id', '=', found.id).execute();
    return { 200: { consumer: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_consumer',
  allow: admin,
  route: `DELETE ${path}/{consumer_id}`,
  summary: 'Deletes an OAuth consumer',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteTokensOfConsumer(tx, found.id);
    await tables(tx).deleteFrom('oauthConsumers').where('id', '=', found.id).execute();
    return { 204: undefined };
  },
});

export function consumerEndpoints(vault: Vault): Endpoint[] {
  const create = endpoint({
    policy: 'identity:create_consumer',
    allow: admin,
    route: `POST ${path}`,
    summary: 'Creates an OAuth consumer',
    body: object({ consumer: optional(open({ description: schemas.description() })) }),
    replies: { 201: reply },
    async handle({ tx, body: { consumer: ask = {} }, request }) {
      const secret = contextOf(tx).random.bytes(32).toString('hex');
      const row: ConsumerRow = {
        id: newHexId(tx),
        description: ask.description ?? null,
        sealedSecret: vault.seal(tx, secret),
        extra: JSON.stringify(extraOf(ask, known)),
      };
      await tables(tx).insertInto('oauthConsumers').values(row).execute();
      return { 201: { consumer: { ...view(row, request), secret } } };
    },
  });
  return [list, show, create, update, remove];
}
