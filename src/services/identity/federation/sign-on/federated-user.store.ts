// Which user of this cloud is who at an identity provider.

import { newHexId, now, type Tx } from '#/platform/database/tx.ts';
import { federation, type FederatedUserRow } from '#/services/identity/federation/tables.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { findUser, insertUser, updateUser, userNameTaken } from '#/services/identity/users/user.store.ts';
import { json } from '#/services/identity/wire.ts';

export async function federatedOf(tx: Tx, userIds: string[]): Promise<FederatedUserRow[]> {
  if (!userIds.length) return [];
  return federation(tx)
    .selectFrom('federatedUsers')
    .selectAll()
    .where('userId', 'in', userIds)
    .orderBy('idpId')
    .orderBy('protocolId')
    .orderBy('uniqueId')
    .execute();
}

export async function findFederated(
  tx: Tx,
  key: { idpId: string; protocolId: string; uniqueId: string },
): Promise<FederatedUserRow | undefined> {
  return federation(tx)
    .selectFrom('federatedUsers')
    .selectAll()
    .where('idpId', '=', key.idpId)
    .where('protocolId', '=', key.protocolId)
    .where('uniqueId', '=', key.uniqueId)
    .executeTakeFirst();
}

export interface Shadow {
  idpId: string;
  protocolId: string;
  uniqueId: string;
  displayName: string;
  domainId: string;
  email?: string;
}

/** The user behind a federated login, made when it is the first one. */
export async function shadowUser(tx: Tx, shadow: Shadow): Promise<UserRow> {
  const { idpId, protocolId, uniqueId, displayName, domainId, email } = shadow;
  const known = await findFederated(tx, shadow);
  const user = known && (await findUser(tx, known.userId));
  if (known && user) {
    if (known.displayName !== displayName) await rename(tx, user, known, displayName);
    if (email !== undefined && json(user.extra)['email'] !== email)
      await updateUser(tx, user.id, { extra: JSON.stringify({ ...json(user.extra), email }) });
    return (await findUser(tx, user.id))!;
  }
  const row: UserRow = {
    id: newHexId(tx),
    domainId,
    name: await freeName(tx, domainId, displayName, uniqueId, null),
    enabled: 1,
    defaultProjectId: null,
    passwordHash: null,
    passwordExpiresAt: null,
    options: '{}',
    extra: JSON.stringify(email === undefined ? {} : { email }),
    tokenEpoch: 0,
    createdAt: now(tx),
  };
  await insertUser(tx, row);
  await federation(tx)
    .insertInto('federatedUsers')
    .values({ userId: row.id, idpId, protocolId, uniqueId, displayName })
    .execute();
  return row;
}

/** A user whom an administrator tied to a provider keeps the name that they have here. */
async function rename(tx: Tx, user: UserRow, known: FederatedUserRow, displayName: string): Promise<void> {
  const own = known.displayName !== null;
  await federation(tx)
    .updateTable('federatedUsers')
    .set({ displayName })
    .where('idpId', '=', known.idpId)
    .where('protocolId', '=', known.protocolId)
    .where('uniqueId', '=', known.uniqueId)
    .execute();
  if (own && user.passwordHash === null)
    await updateUser(tx, user.id, {
      name: await freeName(tx, user.domainId, displayName, known.uniqueId, user.id),
    });
}

/** Names are unique in a domain; two people of one name are told apart by what the provider calls them. */
async function freeName(
  tx: Tx,
  domainId: string,
  displayName: string,
  uniqueId: string,
  exceptId: string | null,
): Promise<string> {
  const name = displayName.slice(0, 255);
  if (!(await userNameTaken(tx, domainId, name, exceptId))) return name;
  const told = `${displayName.slice(0, 120)} (${uniqueId.slice(0, 120)})`;
  return (await userNameTaken(tx, domainId, told, exceptId)) ? `${displayName.slice(0, 200)} ${newHexId(tx)}` : told;
}
