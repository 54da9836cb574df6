// How the server that a path names is found, and whether it may be acted on now.

import type { Caller } from '#/platform/access/caller.ts';
import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { obstacle, type ServerAction } from '#/services/compute/servers/server.rules.ts';
import { findServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';

export const serverFinder: Finder<Server> = {
  find: ({ tx, path }) => findServer(tx, path['server_id']!),
  missing: path => new Problem('notFound', t.serverNotFound, { id: path['server_id']?.slice(0, 255) }),
};

/** @throws Problem conflict saying what stands in the way */
export function mustAllow(action: ServerAction, server: Server, caller: Caller): void {
  const found = obstacle(action, server, caller.isAdmin);
  if (!found) return;
  if (found.what === 'lock')
    throw new Problem('conflict', t.locked, { id: server.id, reason: server.lockedReason ?? found.state });
  throw new Problem('conflict', t.wrongState, { action, id: server.id, what: found.what, state: found.state });
}
