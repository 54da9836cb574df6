// Live migration and evacuation. API: Compute, "Live-migrate server", "Evacuate server".

import type { Tx } from '#/platform/database/tx.ts';
import { type Asked, endpoint, type Query, since } from '#/platform/http/endpoint.ts';
import { either, isTrue, looseBoolean, nullable, object, oneOf, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectManager } from '#/services/compute/allow.ts';
import { beginEvacuation } from '#/services/compute/server-migrations/evacuate.operation.ts';
import { beginLiveMigration } from '#/services/compute/server-migrations/live-migration.operation.ts';
import { password } from '#/services/compute/servers/create.schema.ts';
import { newPassword } from '#/services/compute/servers/create-server.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { blockDevicesOf, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { name } from '#/services/compute/wire.ts';

const route = 'POST /v2.1/servers/{server_id}/action';
const hostRule = 'os_compute_api:os-migrate-server:migrate_live:host';
const hostName = () => nullable(name());
const auto = () => either(looseBoolean(), oneOf('auto'));

const migrateLive = endpoint({
  policy: 'os_compute_api:os-migrate-server:migrate_live',
  allow: projectManager,
  route,
  action: 'os-migrateLive',
  find: serverFinder,
  body: {
    '2.1': object({
      'os-migrateLive': object({
        block_migration: looseBoolean(),
        disk_over_commit: looseBoolean(),
        host: hostName(),
      }),
    }),
    '2.25': object({ 'os-migrateLive': object({ block_migration: auto(), host: hostName() }) }),
    '2.30': object({
      'os-migrateLive': object({ block_migration: auto(), host: hostName(), force: optional(looseBoolean()) }),
    }),
    '2.68': object({ 'os-migrateLive': object({ block_migration: auto(), host: hostName() }) }),
  },
  replies: { 202: null },
  async handle({ tx, found, body, caller, policy }) {
    const { block_migration: block, host } = (
      body as { 'os-migrateLive': { block_migration: unknown; host: string | null } }
    )['os-migrateLive'];
    if (host !== null && !policy.allows(hostRule, caller.credentials, { project_id: found.projectId }))
      throw new Problem('forbidden', t.needsRule, { rule: hostRule });
    mustAllow('live_migrate', found, caller);
    if (host !== null && host === found.host) throw new Problem('invalid', t.sameHostAsked, { host });
    const devices = (await blockDevicesOf(tx, [found.id])).get(found.id) ?? [];
    if (block !== 'auto' && !isTrue(block) && devices.some(device => device.destination === 'local'))
      throw new Problem('invalid', t.disksNotShared, { id: found.id });
    await beginLiveMigration(tx, found, caller, { host });
    return { 202: undefined };
  },
});

interface EvacuateAsk {
  host?: string;
  adminPass?: string;
  onSharedStorage?: unknown;
}

type Evacuating = Pick<Asked<unknown, Query, Server>, 'found' | 'caller' | 'body'> & { tx: Tx };

/** @returns the new password of the guest's administrator */
async function evacuate({ tx, found, caller, body }: Evacuating, stays: boolean): Promise<string> {
  const ask = (body as { evacuate: EvacuateAsk }).evacuate;
  mustAllow('evacuate', found, caller);
  if (ask.host !== undefined && ask.host === found.host)
    throw new Problem('invalid', t.sameHostAsked, { host: ask.host });
  const adminPass = ask.adminPass ?? newPassword(tx);
  await beginEvacuation(tx, found, caller, { host: ask.host ?? null, adminPass, stays });
  return adminPass;
}

const common = {
  policy: 'os_compute_api:os-evacuate',
  route,
  action: 'evacuate',
  find: serverFinder,
};
const asking = () => ({ host: optional(name()), adminPass: optional(password()) });

const evacuateWithPassword = endpoint({
  ...common,
  allow: admin,
  versions: '2.1-2.13',
  body: object({ evacuate: object({ ...asking(), onSharedStorage: looseBoolean() }) }),
  replies: { 200: object({ adminPass: string() }) },
  handle: async asked => ({ 200: { adminPass: await evacuate(asked, false) } }),
});

const evacuateQuietly = endpoint({
  ...common,
  versions: '2.14-',
  body: {
    '2.14': object({ evacuate: object(asking()) }),
    '2.29': object({ evacuate: object({ ...asking(), force: optional(looseBoolean()) }) }),
    '2.68': object({ evacuate: object(asking()) }),
  },
  replies: { 200: null },
  async handle(asked) {
    await evacuate(asked, since(asked.version, '2.95'));
    return { 200: undefined };
  },
});

export const liveMigrationEndpoints = [migrateLive, evacuateWithPassword, evacuateQuietly];
export const liveMigrationRules = { [hostRule]: admin };
