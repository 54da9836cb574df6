// A server that is deleted while it moves: its migration ends, and gives back the room that it holds.

import type { Tx } from '#/platform/database/tx.ts';
import { activeMigration, changeMigration } from '#/services/compute/server-migrations/migration.store.ts';
import { release } from '#/services/placement/contract.ts';

/** @returns the hosts that may hold something of the server */
export async function abandonMigration(tx: Tx, serverId: string): Promise<string[]> {
  const migration = await activeMigration(tx, serverId);
  if (!migration) return [];
  const status = migration.status === 'finished' ? 'confirmed' : 'cancelled';
  await changeMigration(tx, migration.uuid, { stage: 'none', status });
  await release(tx, migration.uuid);
  return [migration.sourceHost, migration.destHost];
}
