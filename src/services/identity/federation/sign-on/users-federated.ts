// Users as identity providers know them: the attribute `federated` on users, filters by it, and groups that end. Put around
// the calls of users and groups, which know nothing of federation.

import type { Tx } from '#/platform/database/tx.ts';
import { timestamp } from '#/platform/database/tx.ts';
import type { Asked, Endpoint, Query, Reply } from '#/platform/http/endpoint.ts';
import { array, fits, misfit, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { findProtocol } from '#/services/identity/federation/providers/provider.store.ts';
import { federatedOf, findFederated } from '#/services/identity/federation/sign-on/federated-user.store.ts';
import { membershipsOf } from '#/services/identity/federation/sign-on/held-memberships.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { findGroup } from '#/services/identity/groups/group.store.ts';
import { viewGroup } from '#/services/identity/groups/group.view.ts';
import { notFound, one, printed, type Wire } from '#/services/identity/wire.ts';

type HandlerAsked = Asked<{ user: { federated?: unknown } }, Query, { id: string }> & { tx: Tx };
type Change = (reply: Reply, asked: HandlerAsked) => Promise<void>;

const wrappers: Record<string, Change> = {
  'POST /v3/users': async (reply, asked) => {
    const user = userIn(reply, 201);
    await save(asked, String(user['id']));
    await addFederated(asked.tx, [user]);
  },
  'PATCH /v3/users/{user_id}': async (reply, asked) => {
    await save(asked, asked.found.id);
    await addFederated(asked.tx, [userIn(reply, 200)]);
  },
  'GET /v3/users/{user_id}': (reply, { tx }) => addFederated(tx, [userIn(reply, 200)]),
  'GET /v3/users': async (reply, { tx, query }) => {
    const body = reply[200] as { users: Wire[] };
    await addFederated(tx, body.users);
    const wanted = {
      idp_id: one(query, 'idp_id'),
      protocol_id: one(query, 'protocol_id'),
      unique_id: one(query, 'unique_id'),
    };
    if (Object.values(wanted).every(value => value === undefined)) return;
    body.users = body.users.filter(user => isAt(user, wanted));
  },
  'GET /v3/users/{user_id}/groups': async (reply, { tx, found, request }) => {
    const body = reply[200] as { groups: Wire[] };
    for (const { groupId, expiresAt } of await membershipsOf(tx, found.id)) {
      const group = body.groups.some(({ id }) => id === groupId) ? undefined : await findGroup(tx, groupId);
      if (group)
        body.groups.push({ ...viewGroup(group, request), membership_expires_at: printed(timestamp(expiresAt)) });
    }
  },
};

/** The same calls, and what federation has to add to them. */
export function withFederated(endpoints: Endpoint[]): Endpoint[] {
  return endpoints.map(endpoint => {
    const change = wrappers[`${endpoint.method} ${endpoint.path}`];
    const { handle } = endpoint;
    if (!change || !handle) return endpoint;
    return {
      ...endpoint,
      async handle(asked: HandlerAsked) {
        const reply = await handle(asked);
        await change(reply, asked);
        return reply;
      },
    };
  });
}

function userIn(reply: Reply, status: number): Wire {
  return (reply[status] as { user: Wire }).user;
}

const schema = array(
  object({
    idp_id: string({ min: 1, max: 64 }),
    protocols: array(object({ protocol_id: string({ min: 1, max: 64 }), unique_id: string({ min: 1, max: 255 }) }), {
      min: 1,
      max: 64,
    }),
  }),
  { max: 64 },
);

/** Keeps what the body says, in place of what was. @throws Problem invalid, notFound, conflict */
async function save({ tx, body }: HandlerAsked, userId: string): Promise<void> {
  const value = body.user.federated;
  if (value === undefined) return;
  if (!fits(schema, value)) throw new Problem('invalid', platformTexts.invalidBody, misfit(schema, value));
  const ties = (value as { idp_id: string; protocols: { protocol_id: string; unique_id: string }[] }[]).flatMap(
    ({ idp_id: idpId, protocols }) =>
      protocols.map(({ protocol_id: protocolId, unique_id: uniqueId }) => ({ idpId, protocolId, uniqueId })),
  );
  await federation(tx).deleteFrom('federatedUsers').where('userId', '=', userId).execute();
  for (const tie of ties) {
    if (!(await findProtocol(tx, tie.idpId, tie.protocolId))) throw notFound('federation protocol', tie.protocolId);
    if (await findFederated(tx, tie))
      throw new Problem('conflict', t.federatedTaken, { idp: tie.idpId, uniqueId: tie.uniqueId });
    await federation(tx)
      .insertInto('federatedUsers')
      .values({ userId, ...tie, displayName: null })
      .execute();
  }
}

/** One query for all of them. */
async function addFederated(tx: Tx, users: Wire[]): Promise<void> {
  const rows = await federatedOf(
    tx,
    users.map(({ id }) => String(id)),
  );
  const byUser = Map.groupBy(rows, ({ userId }) => userId);
  for (const user of users) {
    const own = byUser.get(String(user['id']));
    if (!own) continue;
    user['federated'] = [...Map.groupBy(own, ({ idpId }) => idpId)].map(([idpId, ties]) => ({
      idp_id: idpId,
      protocols: ties.map(({ protocolId, uniqueId }) => ({ protocol_id: protocolId, unique_id: uniqueId })),
    }));
  }
}

function isAt(user: Wire, wanted: { idp_id?: string; protocol_id?: string; unique_id?: string }): boolean {
  const ties = (user['federated'] ?? []) as {
    idp_id: string;
    protocols: { protocol_id: string; unique_id: string }[];
  }[];
  return ties.some(
    ({ idp_id: idpId, protocols }) =>
      (wanted.idp_id ?? idpId) === idpId &&
      protocols.some(
        ({ protocol_id: protocolId, unique_id: uniqueId }) =>
          (wanted.protocol_id ?? protocolId) === protocolId && (wanted.unique_id ?? uniqueId) === uniqueId,
      ),
  );
}
