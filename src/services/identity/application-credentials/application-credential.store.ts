// Application credentials and the access rules that confine them.

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { type AccessRuleRow, type ApplicationCredentialRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { listIn } from '#/services/identity/wire.ts';

export async function findApplicationCredential(
  tx: Tx,
  userId: string,
  id: string,
): Promise<ApplicationCredentialRow | undefined> {
  return tables(tx)
    .selectFrom('applicationCredentials')
    .selectAll()
    .where('id', '=', id)
    .where('userId', '=', userId)
    .executeTakeFirst();
}

export async function applicationCredentialsOf(tx: Tx, userId: string): Promise<ApplicationCredentialRow[]> {
  return tables(tx)
    .selectFrom('applicationCredentials')
    .selectAll()
    .where('userId', '=', userId)
    .orderBy('id')
    .execute();
}

export async function insertApplicationCredential(tx: Tx, row: ApplicationCredentialRow): Promise<void> {
  await tables(tx).insertInto('applicationCredentials').values(row).execute();
}

export async function deleteApplicationCredential(tx: Tx, row: ApplicationCredentialRow): Promise<void> {
  await tables(tx).deleteFrom('credentials').where('applicationCredentialId', '=', row.id).execute();
  await tables(tx).deleteFrom('applicationCredentials').where('id', '=', row.id).execute();
  await tokensChanged(tx, [row.userId]);
}

export async function accessRulesOf(tx: Tx, userId: string): Promise<AccessRuleRow[]> {
  return tables(tx).selectFrom('accessRules').selectAll().where('userId', '=', userId).orderBy('id').execute();
}

/** The user's rule of that content, made where there is none. */
export async function ensureAccessRule(tx: Tx, rule: Omit<AccessRuleRow, 'id'>): Promise<string> {
  const known = (await accessRulesOf(tx, rule.userId)).find(
    row => row.service === rule.service && row.path === rule.path && row.method === rule.method,
  );
  if (known) return known.id;
  const id = newHexId(tx);
  await tables(tx)
    .insertInto('accessRules')
    .values({ id, ...rule })
    .execute();
  return id;
}

export async function accessRuleInUse(tx: Tx, rule: AccessRuleRow): Promise<boolean> {
  const rows = await applicationCredentialsOf(tx, rule.userId);
  return rows.some(row => row.accessRuleIds !== null && listIn(row.accessRuleIds).includes(rule.id));
}

export async function deleteAccessRule(tx: Tx, id: string): Promise<void> {
  await tables(tx).deleteFrom('accessRules').where('id', '=', id).execute();
}
