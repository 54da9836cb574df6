// Resize, its confirmation or reversal, and cold migration.
// API: Compute, "Resize server", "Confirm resized server", "Revert resized server", "Migrate server".

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, as, nullable, object, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectManager, projectMember } from '#/services/compute/allow.ts';
import { checkQuota } from '#/services/compute/quotas/quota.store.ts';
import { hasLocalRoot } from '#/services/compute/server-migrations/destination.ts';
import { shrinks } from '#/services/compute/server-migrations/migration.rules.ts';
import { beginResize, beginRevert, confirmResize } from '#/services/compute/server-migrations/resize.operation.ts';
import { askedFlavor } from '#/services/compute/servers/create-ask.ts';
import { diskConfig, flavorRef } from '#/services/compute/servers/create.schema.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { changeServer, type Server, type ServerFlavor } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { name } from '#/services/compute/wire.ts';

const route = 'POST /v2.1/servers/{server_id}/action';
const empty = () => as<unknown>(any());

export const resize = (settings: { resizeOnSameHost: boolean }) =>
  endpoint({
    policy: 'os_compute_api:servers:resize',
    allow: projectMember,
    route,
    action: 'resize',
    find: serverFinder,
    body: object({ resize: object({ flavorRef: flavorRef(), 'OS-DCF:diskConfig': optional(diskConfig()) }) }),
    replies: { 202: null },
    async handle({ tx, found, body, caller }) {
      const { flavorRef: ref, 'OS-DCF:diskConfig': config } = body.resize;
      mustAllow('resize', found, caller);
      const {
        id,
        name: called,
        vcpus,
        memoryMib,
        diskGib,
        ephemeralGib,
        swapMib,
        extraSpecs,
      } = await askedFlavor(tx, caller, ref);
      const flavor = { id, name: called, vcpus, memoryMib, diskGib, ephemeralGib, swapMib, extraSpecs };
      await checkFlavor(found, flavor, await hasLocalRoot(tx, found.id));
      const who = { projectId: found.projectId, userId: found.userId };
      await checkQuota(tx, who, {
        cores: Math.max(0, vcpus - found.flavor.vcpus),
        ram: Math.max(0, memoryMib - found.flavor.memoryMib),
      });
      if (config) await changeServer(tx, found.id, { diskConfig: config });
      const same = settings.resizeOnSameHost ? 'first' : 'never';
      await beginResize(tx, found, caller, { type: 'resize', flavor, host: null, same });
      return { 202: undefined };
    },
  });

/** @throws Problem invalid */
async function checkFlavor(server: Server, flavor: ServerFlavor, localRoot: boolean): Promise<void> {
  if (flavor.id === server.flavor.id) throw new Problem('invalid', t.sameFlavor);
  if (localRoot && flavor.diskGib === 0 && server.flavor.diskGib !== 0)
    throw new Problem('invalid', t.resizeToZeroDisk);
  const what = shrinks(server.flavor, flavor, localRoot);
  if (what !== null) {
    const field = what === 'disk' ? 'diskGib' : 'ephemeralGib';
    throw new Problem('invalid', t.diskShrinks, { what, from: server.flavor[field], to: flavor[field] });
  }
  if (server.image.minRamMib > flavor.memoryMib)
    throw new Problem('invalid', t.flavorMemoryTooSmall, { need: server.image.minRamMib, have: flavor.memoryMib });
}

const confirm = endpoint({
  policy: 'os_compute_api:servers:confirm_resize',
  allow: projectMember,
  route,
  action: 'confirmResize',
  find: serverFinder,
  body: object({ confirmResize: empty() }),
  replies: { 204: null },
  async handle({ tx, found, caller }) {
    mustAllow('confirm_resize', found, caller);
    await confirmResize(tx, found, caller);
    return { 204: undefined };
  },
});

const revert = endpoint({
  policy: 'os_compute_api:servers:revert_resize',
  allow: projectMember,
  route,
  action: 'revertResize',
  find: serverFinder,
  body: object({ revertResize: empty() }),
  replies: { 202: null },
  async handle({ tx, found, caller }) {
    mustAllow('revert_resize', found, caller);
    await beginRevert(tx, found, caller);
    return { 202: undefined };
  },
});

const hostRule = 'os_compute_api:os-migrate-server:migrate:host';

const migrate = endpoint({
  policy: 'os_compute_api:os-migrate-server:migrate',
  allow: projectManager,
  route,
  action: 'migrate',
  find: serverFinder,
  body: {
    '2.1': object({ migrate: empty() }),
    '2.56': object({ migrate: nullable(object({ host: optional(nullable(name())) })) }),
  },
  replies: { 202: null },
  async handle({ tx, found, body, caller, policy, version }) {
    mustAllow('migrate', found, caller);
    const asked = (body as { migrate: { host?: string | null } | null }).migrate;
    const host = version.minor >= 56 ? (asked?.host ?? null) : null;
    if (host !== null && !policy.allows(hostRule, caller.credentials, { project_id: found.projectId }))
      throw new Problem('forbidden', t.needsRule, { rule: hostRule });
    if (host !== null && host === found.host) throw new Problem('invalid', t.sameHostAsked, { host });
    await beginResize(tx, found, caller, { type: 'migration', flavor: found.flavor, host, same: 'never' });
    return { 202: undefined };
  },
});

export const resizeEndpoints = [confirm, revert, migrate];
export const resizeRules = { [hostRule]: admin, 'compute:servers:resize:cross_cell': '!' };
