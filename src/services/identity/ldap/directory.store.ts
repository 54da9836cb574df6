// Users and groups that stand here for entries of a directory, so that roles, tokens and lists know them as any other.
// Their ids are those of Keystone's id mapping, so assignments that come from one still fit.

import { createHash } from 'node:crypto';
import { now, type Tx } from '#/platform/database/tx.ts';
import type { DirectoryGroup, DirectoryUser } from '#/services/identity/ldap/directory.ts';
import { sameDn } from '#/services/identity/ldap/directory.ts';
import { insertGroup, updateGroup } from '#/services/identity/groups/group.store.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { endTokensOf, tokensChanged } from '#/services/identity/tokens/authority.ts';
import { insertUser, updateUser } from '#/services/identity/users/user.store.ts';

type Kind = 'user' | 'group';
/** In one query. */
const idsAtOnce = 500;

function entries(tx: Tx) {
  return tx.withTables<{ directoryEntries: { id: string; domainId: string; kind: string; localId: string } }>();
}

/** SHA-256 over domain, kind and the id in the directory, as Keystone makes it. */
export function publicId(domainId: string, kind: Kind, localId: string): string {
  return createHash('sha256').update(domainId).update(kind).update(localId).digest('hex');
}

/** What an id stands for in its directory. */
export async function localIdOf(tx: Tx, id: string): Promise<string | undefined> {
  const row = await entries(tx)
    .selectFrom('directoryEntries')
    .select('localId')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.localId;
}

export interface Entry {
  id: string;
  domainId: string;
  localId: string;
}

/** The entries that these ids stand for. */
export async function entriesOf(tx: Tx, ids: string[]): Promise<Entry[]> {
  const found: Entry[] = [];
  for (let from = 0; from < ids.length; from += idsAtOnce)
    found.push(
      ...(await entries(tx)
        .selectFrom('directoryEntries')
        .select(['id', 'domainId', 'localId'])
        .where('id', 'in', ids.slice(from, from + idsAtOnce))
        .execute()),
    );
  return found;
}

/** They are not in their directory any more, or not enabled there: their tokens end. */
export async function shutOut(tx: Tx, ids: string[]): Promise<void> {
  const rows = await tables(tx)
    .selectFrom('users')
    .select('id')
    .where('id', 'in', ids)
    .where('enabled', '=', 1)
    .execute();
  for (const { id } of rows) await updateUser(tx, id, { enabled: 0 }, { endTokens: true });
}

export interface Read {
  users: DirectoryUser[];
  groups: DirectoryGroup[];
}

/** Makes the rows as the whole directory is. Who is gone from it is disabled, and keeps their roles should they return. */
export async function keepAll(
  tx: Tx,
  domainId: string,
  { users, groups }: Read,
  membersAreIds: boolean,
): Promise<void> {
  const before = await entries(tx)
    .selectFrom('directoryEntries')
    .selectAll()
    .where('domainId', '=', domainId)
    .execute();
  const known = new Set(before.map(({ id }) => id));
  const rows = await tables(tx).selectFrom('users').selectAll().where('domainId', '=', domainId).execute();
  const byId = new Map(rows.map(row => [row.id, row]));
  const userIds = new Map<string, string>();
  for (const user of users) {
    const id = publicId(domainId, 'user', user.localId);
    userIds.set(membersAreIds ? user.localId : sameDn(user.dn), id);
    await keepUser(tx, domainId, user, byId.get(id) ?? null, known);
  }
  const here = new Set(userIds.values());
  const gone = before.filter(({ id, kind }) => kind === 'user' && !here.has(id) && byId.get(id)?.enabled === 1);
  for (const { id } of gone) await updateUser(tx, id, { enabled: 0 }, { endTokens: true });
  const groupIds = new Set<string>();
  for (const group of groups) {
    const id = await keepGroup(tx, domainId, group, known);
    groupIds.add(id);
    const members = group.members.flatMap(member => userIds.get(membersAreIds ? member : sameDn(member)) ?? []);
    await keepMembers(tx, { groupId: id }, members);
  }
  for (const { id, kind } of before)
    if (kind === 'group' && !groupIds.has(id)) await keepMembers(tx, { groupId: id }, []);
}

/** Makes the rows of one user and their groups. */
export async function keepOne(tx: Tx, domainId: string, { users: [user], groups }: Read): Promise<UserRow> {
  const id = publicId(domainId, 'user', user!.localId);
  const find = () => tables(tx).selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  await keepUser(tx, domainId, user!, (await find()) ?? null, new Set());
  const groupIds: string[] = [];
  for (const group of groups) groupIds.push(await keepGroup(tx, domainId, group, new Set()));
  await keepMembers(tx, { userId: id, domainId }, groupIds);
  return (await find())!;
}

async function keepUser(
  tx: Tx,
  domainId: string,
  user: DirectoryUser,
  before: UserRow | null,
  known: Set<string>,
): Promise<void> {
  const id = publicId(domainId, 'user', user.localId);
  const enabled = user.enabled ? 1 : 0;
  const extra = JSON.stringify(user.extra);
  if (!before) {
    const name = await freeName(tx, 'users', domainId, user.name, id);
    await insertUser(tx, {
      ...{ id, domainId, name, enabled, extra, defaultProjectId: null, passwordHash: null, passwordExpiresAt: null },
      ...{ options: '{}', tokenEpoch: 0, createdAt: now(tx) },
    });
  } else if (before.enabled !== enabled || before.extra !== extra || before.name !== user.name) {
    const name = before.name === user.name ? before.name : await freeName(tx, 'users', domainId, user.name, id);
    await updateUser(tx, id, { name, enabled, extra });
    if (!user.enabled && before.enabled) await endTokensOf(tx, [id]);
  }
  if (!known.has(id)) await remember(tx, { id, domainId, kind: 'user', localId: user.localId });
}

async function keepGroup(tx: Tx, domainId: string, group: DirectoryGroup, known: Set<string>): Promise<string> {
  const id = publicId(domainId, 'group', group.localId);
  const before = await tables(tx).selectFrom('userGroups').selectAll().where('id', '=', id).executeTakeFirst();
  const { description } = group;
  if (!before) {
    const name = await freeName(tx, 'userGroups', domainId, group.name, id);
    await insertGroup(tx, { id, domainId, name, description, extra: '{}' });
  } else if (before.description !== description || before.name !== group.name) {
    const name = before.name === group.name ? before.name : await freeName(tx, 'userGroups', domainId, group.name, id);
    await updateGroup(tx, id, { name, description });
  }
  if (!known.has(id)) await remember(tx, { id, domainId, kind: 'group', localId: group.localId });
  return id;
}

/** Names in a domain are unique; a directory's need not be. */
async function freeName(
  tx: Tx,
  table: 'users' | 'userGroups',
  domainId: string,
  name: string,
  id: string,
): Promise<string> {
  const taken = await tables(tx)
    .selectFrom(table)
    .select('id')
    .where('domainId', '=', domainId)
    .where('name', '=', name)
    .where('id', '!=', id)
    .executeTakeFirst();
  return taken ? `${name} (${id.slice(0, 8)})` : name;
}

async function remember(tx: Tx, row: { id: string; domainId: string; kind: Kind; localId: string }): Promise<void> {
  await entries(tx)
    .insertInto('directoryEntries')
    .values(row)
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute();
}

/** Members of a group, or groups of a user, exactly these: what is not among them is taken away. */
async function keepMembers(
  tx: Tx,
  of: { groupId: string } | { userId: string; domainId: string },
  ids: string[],
): Promise<void> {
  const db = tables(tx);
  const byGroup = 'groupId' in of;
  const before = byGroup
    ? await db.selectFrom('groupMembers').select('userId as id').where('groupId', '=', of.groupId).execute()
    : await db
        .selectFrom('groupMembers')
        .innerJoin('userGroups', 'userGroups.id', 'groupMembers.groupId')
        .select('groupMembers.groupId as id')
        .where('userGroups.domainId', '=', of.domainId)
        .where('groupMembers.userId', '=', of.userId)
        .execute();
  const had = new Set(before.map(({ id }) => id));
  const wanted = new Set(ids);
  const row = (id: string) => (byGroup ? { groupId: of.groupId, userId: id } : { groupId: id, userId: of.userId });
  const changed: string[] = [];
  for (const id of wanted)
    if (!had.has(id)) {
      await db.insertInto('groupMembers').values(row(id)).execute();
      changed.push(row(id).userId);
    }
  for (const id of had)
    if (!wanted.has(id)) {
      const { groupId, userId } = row(id);
      await db.deleteFrom('groupMembers').where('groupId', '=', groupId).where('userId', '=', userId).execute();
      changed.push(userId);
    }
  if (changed.length) await tokensChanged(tx, changed);
}
