// Compute (Nova): servers and what they are made of, on the hosts of this cloud. API: Compute 2.1 with microversions.
// Events, each naming its server as the resource: `server.create.{start,end,error}`, `server.delete.{start,end}`,
// `server.{resize,migrate}.{start,end,error}`, `server.{resize,migrate}.revert.{start,end,error}`,
// `server.{resize,migrate}.confirm.end`, `server.{live_migration,evacuate}.{start,end,error}`,
// `server.create_image.{end,error}`,
// `server.{start,stop,pause,unpause,reboot,rebuild}.{end,error}`, `server.power_off.end` for guests that ended by themselves.

import type { Bus } from '#/platform/bus/bus.ts';
import { nowMs, timestamp } from '#/platform/database/tx.ts';
import type { Service, WireProblem } from '#/platform/http/service.ts';
import { admin, projectMember, projectReader } from '#/services/compute/allow.ts';
import { consoleEndpoints } from '#/services/compute/consoles/console.api.ts';
import { forgetConsoleTokens } from '#/services/compute/consoles/console.store.ts';
import { flavorEndpoints } from '#/services/compute/flavors/flavor.api.ts';
import { flavorPartEndpoints } from '#/services/compute/flavors/flavor-parts.api.ts';
import { seedFlavors } from '#/services/compute/flavors/flavor.store.ts';
import { aggregateEndpoints } from '#/services/compute/hosts/aggregate.api.ts';
import { availabilityZoneEndpoints } from '#/services/compute/hosts/availability-zone.api.ts';
import { hypervisorEndpoints } from '#/services/compute/hosts/hypervisor.api.ts';
import { computeServiceEndpoints } from '#/services/compute/hosts/compute-service.api.ts';
import { keypairEndpoints } from '#/services/compute/keypairs/keypair.api.ts';
import { computeTables } from '#/services/compute/migrations/0001-compute.ts';
import { serverMigrationTables } from '#/services/compute/migrations/0010-server-migrations.ts';
import { quotaIndex } from '#/services/compute/migrations/0011-quota-index.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import { limitEndpoints, limitRules } from '#/services/compute/quotas/limits.api.ts';
import { quotaEndpoints } from '#/services/compute/quotas/quota.api.ts';
import { actionEndpoints, actionRules } from '#/services/compute/server-actions/action.api.ts';
import { forgetActions } from '#/services/compute/server-actions/action.store.ts';
import { createImageEndpoints, createImageRules } from '#/services/compute/server-images/create-image.api.ts';
import { createServerImage } from '#/services/compute/server-images/create-image.operation.ts';
import { serverGroupEndpoints, serverGroupRules } from '#/services/compute/server-groups/server-group.api.ts';
import { evacuateServer } from '#/services/compute/server-migrations/evacuate.operation.ts';
import { liveMigrationEndpoints, liveMigrationRules } from '#/services/compute/server-migrations/live-migration.api.ts';
import { liveMigrate } from '#/services/compute/server-migrations/live-migration.operation.ts';
import { migrationEndpoints, migrationRules } from '#/services/compute/server-migrations/migration.api.ts';
import { forgetMigrations } from '#/services/compute/server-migrations/migration.store.ts';
import { resize, resizeEndpoints, resizeRules } from '#/services/compute/server-migrations/resize.api.ts';
import {
  migrateServer,
  resizeServer,
  revertMigration,
  revertResize,
} from '#/services/compute/server-migrations/resize.operation.ts';
import { confirmOverdue } from '#/services/compute/server-migrations/confirm-overdue.ts';
import { attachInterface, detachInterface } from '#/services/compute/servers/interface.operation.ts';
import { interfaceEndpoints } from '#/services/compute/servers/interface.api.ts';
import { attachVolume, detachVolume } from '#/services/compute/servers/volume-attachment.operation.ts';
import { volumeAttachmentEndpoints } from '#/services/compute/servers/volume-attachment.api.ts';
import { createServer, createServerWithVolumes } from '#/services/compute/servers/create-server.operation.ts';
import { deleteServer } from '#/services/compute/servers/delete-server.operation.ts';
import { followPorts, onHostEvent } from '#/services/compute/servers/host-events.ts';
import { powerEndpoints, powerRules } from '#/services/compute/servers/power.api.ts';
import { changePower, rebootServer } from '#/services/compute/servers/power.operation.ts';
import { rebuildEndpoints } from '#/services/compute/servers/rebuild.api.ts';
import { serverEndpoints } from '#/services/compute/servers/server.api.ts';
import { serverPartEndpoints } from '#/services/compute/servers/server-parts.api.ts';
import { metadataEndpoints } from '#/services/compute/servers/metadata.api.ts';
import { securityGroupEndpoints } from '#/services/compute/network-proxies/security-group.api.ts';
import { countServers } from '#/services/compute/servers/server.store.ts';
import { planServers } from '#/services/compute/servers/server.plan.ts';
import { computeSettings, type OperatorSettings } from '#/services/compute/settings.ts';
import { versionEndpoints, microversions } from '#/services/compute/versions/version.api.ts';

/** How long it can be asked what became of a deleted server. */
const actionsKeptMs = 7 * 86_400_000;

const operations: OperationKind[] = [
  createServer,
  createServerWithVolumes,
  deleteServer,
  changePower,
  rebootServer,
  attachInterface,
  detachInterface,
  attachVolume,
  detachVolume,
  resizeServer,
  revertResize,
  migrateServer,
  revertMigration,
  liveMigrate,
  evacuateServer,
  createServerImage,
];

export interface ComputeSettings {
  /** Reaches the hosts. */
  bus: Bus;
  /** Whether a resize may leave a server where it is. */
  resizeOnSameHost: boolean;
  /** After so many seconds a resize counts as confirmed; 0 is never. */
  resizeConfirmWindowSeconds: number;
  operator: OperatorSettings;
}

export const computeService = (settings: ComputeSettings): Service => ({
  name: 'compute',
  type: 'compute',
  catalogName: 'nova',
  catalogPath: '/v2.1',
  microversions,
  envelope,
  endpoints: [
    ...versionEndpoints,
    ...flavorEndpoints,
    ...flavorPartEndpoints,
    ...keypairEndpoints,
    ...serverEndpoints,
    ...powerEndpoints,
    ...rebuildEndpoints,
    ...createImageEndpoints,
    resize(settings),
    ...resizeEndpoints,
    ...liveMigrationEndpoints,
    ...migrationEndpoints,
    ...metadataEndpoints,
    ...serverPartEndpoints(settings.bus),
    ...securityGroupEndpoints,
    ...interfaceEndpoints,
    ...volumeAttachmentEndpoints,
    ...actionEndpoints(operations),
    ...consoleEndpoints,
    ...serverGroupEndpoints,
    ...quotaEndpoints,
    ...limitEndpoints,
    ...computeServiceEndpoints,
    ...hypervisorEndpoints,
    ...availabilityZoneEndpoints,
    ...aggregateEndpoints,
  ],
  rules: {
    ...actionRules,
    ...limitRules,
    ...powerRules,
    ...resizeRules,
    ...createImageRules,
    ...liveMigrationRules,
    ...migrationRules,
    ...serverGroupRules,
    'os_compute_api:os-extended-server-attributes': admin,
    'os_compute_api:servers:index:get_all_tenants': admin,
    'os_compute_api:servers:detail:get_all_tenants': admin,
    'os_compute_api:servers:allow_all_filters': admin,
    'os_compute_api:servers:show:flavor-extra-specs': projectReader,
    'os_compute_api:servers:show:host_status': admin,
    'os_compute_api:servers:create:forced_host': admin,
    'compute:servers:create:requested_destination': admin,
    'os_compute_api:servers:create:attach_volume': projectMember,
    'os_compute_api:servers:create:attach_network': projectMember,
    'os_compute_api:servers:create:zero_disk_flavor': admin,
    'network:attach_external_network': admin,
  },
  migrations: [computeTables, serverMigrationTables, quotaIndex],
  operations,
  planners: [planServers],
  counts: async tx => ({ servers: await countServers(tx) }),
  listen: followPorts,
  onHostEvent,
  settings: [computeSettings.being(settings.operator)],
  seed: seedFlavors,
  chores: [
    {
      name: 'compute.forget-actions',
      everyMs: 3_600_000,
      run: tx => forgetActions(tx, timestamp(nowMs(tx) - actionsKeptMs)),
    },
    {
      name: 'compute.forget-migrations',
      everyMs: 3_600_000,
      run: tx => forgetMigrations(tx, timestamp(nowMs(tx) - actionsKeptMs)),
    },
    {
      name: 'compute.confirm-resizes',
      everyMs: 60_000,
      run: tx => confirmOverdue(tx, settings.resizeConfirmWindowSeconds),
    },
    { name: 'compute.forget-console-tokens', everyMs: 600_000, run: forgetConsoleTokens },
  ],
});

const faultNames: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'notAcceptable',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** `{"itemNotFound": {"code": 404, "message": "…"}}`. */
function envelope({ status, message }: WireProblem): { body: unknown } {
  return { body: { [faultNames[status] ?? 'computeFault']: { code: status, message } } };
}
