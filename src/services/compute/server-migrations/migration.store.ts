// The table of migrations: those under way, and what became of earlier ones.

import type { Generated } from 'kysely';
import type { GuestLayout } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { contextOf, now, type Tx } from '#/platform/database/tx.ts';
import type { Power, VmState } from '#/services/compute/servers/server.rules.ts';
import type { Server, ServerFlavor } from '#/services/compute/servers/server.store.ts';
import type { MigrationStatus, MigrationType, Stage } from '#/services/compute/server-migrations/migration.rules.ts';

interface Columns {
  id: Generated<number>;
  uuid: string;
  serverId: string;
  projectId: string;
  userId: string;
  type: MigrationType;
  status: MigrationStatus;
  stage: Stage;
  sourceHost: string;
  destHost: string;
  /** JSON of a `ServerFlavor`. */
  oldFlavor: string;
  newFlavor: string;
  /** What the server was before, and is to be again. */
  wasPower: Power;
  wasVmState: VmState;
  /** What the hosts show one another, so that nobody else gets disks or memory. */
  ticket: string;
  /** JSON: where the guest's devices sit on their buses. */
  layout: string | null;
  /** What an administrator wants of a live migration under way. */
  wish: 'abort' | 'hurry' | null;
  /** Bytes. */
  memoryTotal: number;
  memoryProcessed: number;
  memoryRemaining: number;
  diskTotal: number;
  diskProcessed: number;
  diskRemaining: number;
  /** How long the guest stood still. */
  downtimeMs: number | null;
  createdAt: string;
  updatedAt: string;
}

type Stored = Omit<Columns, 'id'> & { id: number };

export interface Migration extends Omit<Stored, 'oldFlavor' | 'newFlavor' | 'layout'> {
  oldFlavor: ServerFlavor;
  newFlavor: ServerFlavor;
  layout: GuestLayout | null;
}

function table(tx: Tx) {
  return tx.withTables<{ computeMigrations: Columns }>();
}

function toMigration(row: Stored): Migration {
  return {
    ...row,
    oldFlavor: JSON.parse(row.oldFlavor) as ServerFlavor,
    newFlavor: JSON.parse(row.newFlavor) as ServerFlavor,
    layout: row.layout === null ? null : (JSON.parse(row.layout) as Migration['layout']),
  };
}

export async function insertMigration(
  tx: Tx,
  server: Server & { host: string },
  ask: {
    uuid: string;
    type: MigrationType;
    status: MigrationStatus;
    stage: Stage;
    destHost: string;
    newFlavor?: ServerFlavor;
  },
): Promise<Migration> {
  const row = {
    uuid: ask.uuid,
    serverId: server.id,
    projectId: server.projectId,
    userId: server.userId,
    type: ask.type,
    status: ask.status,
    stage: ask.stage,
    sourceHost: server.host,
    destHost: ask.destHost,
    oldFlavor: JSON.stringify(server.flavor),
    newFlavor: JSON.stringify(ask.newFlavor ?? server.flavor),
    wasPower: server.power,
    wasVmState: server.vmState,
    ticket: contextOf(tx).random.bytes(32).toString('hex'),
    layout: null,
    wish: null,
    memoryTotal: 0,
    memoryProcessed: 0,
    memoryRemaining: 0,
    diskTotal: 0,
    diskProcessed: 0,
    diskRemaining: 0,
    downtimeMs: null,
    createdAt: now(tx),
    updatedAt: now(tx),
  };
  const { id } = await table(tx).insertInto('computeMigrations').values(row).returning('id').executeTakeFirstOrThrow();
  return toMigration({ ...row, id: Number(id) });
}

export type MigrationChange = Partial<Omit<Migration, 'id' | 'uuid' | 'serverId' | 'oldFlavor' | 'newFlavor'>>;

export async function changeMigration(tx: Tx, uuid: string, change: MigrationChange): Promise<void> {
  const { layout, ...plain } = change;
  await table(tx)
    .updateTable('computeMigrations')
    .set({
      ...plain,
      ...(layout === undefined ? {} : { layout: layout && JSON.stringify(layout) }),
      updatedAt: now(tx),
    })
    .where('uuid', '=', uuid)
    .execute();
}

export async function findMigration(tx: Tx, uuid: string): Promise<Migration | undefined> {
  const row = await table(tx).selectFrom('computeMigrations').selectAll().where('uuid', '=', uuid).executeTakeFirst();
  return row && toMigration(row);
}

/** The one that a server is in, if any. */
export async function activeMigration(tx: Tx, serverId: string): Promise<Migration | undefined> {
  const row = await table(tx)
    .selectFrom('computeMigrations')
    .selectAll()
    .where('serverId', '=', serverId)
    .where('stage', '!=', 'none')
    .executeTakeFirst();
  return row && toMigration(row);
}

/** Those that concern a host. */
export async function activeMigrationsOn(tx: Tx, host: string): Promise<Migration[]> {
  const rows = await table(tx)
    .selectFrom('computeMigrations')
    .selectAll()
    .where('stage', '!=', 'none')
    .where(eb => eb.or([eb('sourceHost', '=', host), eb('destHost', '=', host)]))
    .execute();
  return rows.map(toMigration);
}

export interface MigrationFilter {
  projectId?: string;
  userId?: string;
  serverId?: string;
  host?: string;
  sourceHost?: string;
  status?: string;
  statuses?: MigrationStatus[];
  type?: string;
  changedSince?: string;
  changedBefore?: string;
}

/** Newest first. */
export async function listMigrations(tx: Tx, filter: MigrationFilter): Promise<Migration[]> {
  let query = table(tx).selectFrom('computeMigrations').selectAll();
  const equals = {
    projectId: filter.projectId,
    userId: filter.userId,
    serverId: filter.serverId,
    sourceHost: filter.sourceHost,
    status: filter.status,
    type: filter.type,
  } as const;
  for (const [column, value] of Object.entries(equals))
    if (value !== undefined) query = query.where(column as 'projectId', '=', value);
  const { host, statuses, changedSince, changedBefore } = filter;
  if (host !== undefined) query = query.where(eb => eb.or([eb('sourceHost', '=', host), eb('destHost', '=', host)]));
  if (statuses) query = query.where('status', 'in', statuses);
  if (changedSince !== undefined) query = query.where('updatedAt', '>=', changedSince);
  if (changedBefore !== undefined) query = query.where('updatedAt', '<=', changedBefore);
  return (await query.orderBy('createdAt', 'desc').orderBy('id', 'desc').execute()).map(toMigration);
}

/** Resizes that have waited for their owner's word since before `before`. */
export async function unconfirmedSince(tx: Tx, before: string): Promise<Migration[]> {
  const rows = await table(tx)
    .selectFrom('computeMigrations')
    .selectAll()
    .where('status', '=', 'finished')
    .where('stage', '=', 'kept')
    .where('updatedAt', '<', before)
    .execute();
  return rows.map(toMigration);
}

/** Those of servers that are no more are forgotten after a time. */
export async function forgetMigrations(tx: Tx, before: string): Promise<void> {
  const db = tx.withTables<{ computeMigrations: Columns; computeServers: { id: string } }>();
  await db
    .deleteFrom('computeMigrations')
    .where('updatedAt', '<', before)
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('computeServers')
            .select('computeServers.id')
            .whereRef('computeServers.id', '=', 'computeMigrations.serverId'),
        ),
      ),
    )
    .execute();
}
