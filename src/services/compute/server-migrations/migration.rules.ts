// A migration's course: what its hosts are to hold at each stage, and the words that users read. Pure.
//
//   resize, migration:  stopping → sending → kept → none      kept: the old disks wait for confirm or revert
//                       kept → back → none                    a revert on the same host
//   live-migration:     leaving → arriving → none
//   evacuation:         none: the source is down, and learns from its plan that the server is gone

import type { ServerFlavor } from '#/services/compute/servers/server.store.ts';

export type MigrationType = 'resize' | 'migration' | 'live-migration' | 'evacuation';

export type MigrationStatus =
  | 'accepted'
  | 'pre-migrating'
  | 'migrating'
  | 'post-migrating'
  | 'finished'
  | 'confirmed'
  | 'reverting'
  | 'reverted'
  | 'preparing'
  | 'running'
  | 'completed'
  | 'cancelled'
  | 'done'
  | 'failed'
  | 'error';

/** Until the server is only where its own row says, a migration is at a stage; then it is at `none`. */
export type Stage = 'stopping' | 'sending' | 'kept' | 'back' | 'leaving' | 'arriving' | 'none';

/** Stages at which room is held for the old flavor at the source, by the migration, and for the new one at the destination. */
export const holdsBoth = (stage: string): boolean => stage !== 'none' && stage !== 'back';

/** Live migrations that can still be seen below their server. */
export const underWay: MigrationStatus[] = ['accepted', 'preparing', 'running', 'post-migrating'];

/** What the larger of two flavors has: quotas count it until the choice between them is made. */
export function larger(
  a: Pick<ServerFlavor, 'vcpus' | 'memoryMib'>,
  b: Pick<ServerFlavor, 'vcpus' | 'memoryMib'>,
): { vcpus: number; memoryMib: number } {
  return { vcpus: Math.max(a.vcpus, b.vcpus), memoryMib: Math.max(a.memoryMib, b.memoryMib) };
}

/** Disks only grow. @returns what would shrink, or null */
export function shrinks(from: ServerFlavor, to: ServerFlavor, localRoot: boolean): 'disk' | 'ephemeral' | null {
  if (localRoot && to.diskGib < from.diskGib) return 'disk';
  return to.ephemeralGib < from.ephemeralGib ? 'ephemeral' : null;
}
