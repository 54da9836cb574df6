// The block storage service (Cinder): volumes, their snapshots, and who uses them.

import type { Service, WireProblem } from '#/platform/http/service.ts';
import { attachmentEndpoints } from '#/services/block-storage/attachments/attachment.api.ts';
import { infoEndpoints, newest } from '#/services/block-storage/info/info.api.ts';
import { metadataEndpoints } from '#/services/block-storage/metadata.api.ts';
import { tables } from '#/services/block-storage/tables.ts';
import { volumeTables } from '#/services/block-storage/migrations/0001-volumes.ts';
import { serverAttachments } from '#/services/block-storage/migrations/0002-server-attachments.ts';
import { volumeHolds } from '#/services/block-storage/migrations/0003-volume-holds.ts';
import { quotaEndpoints } from '#/services/block-storage/quotas/quota.api.ts';
import { type QuotaDefaults, quotaDefaults } from '#/services/block-storage/quotas/quota.store.ts';
import { snapshotEndpoints } from '#/services/block-storage/snapshots/snapshot.api.ts';
import { transferEndpoints } from '#/services/block-storage/transfers/transfer.api.ts';
import { typeEndpoints } from '#/services/block-storage/types/type.api.ts';
import { seedTypes } from '#/services/block-storage/types/type.store.ts';
import { volumeEndpoints } from '#/services/block-storage/volumes/volume.api.ts';
import { readingRules } from '#/services/block-storage/page.ts';
import { actionEndpoints, actionRules } from '#/services/block-storage/volumes/volume-actions.api.ts';
import {
  createSnapshot,
  createVolume,
  deleteSnapshot,
  deleteVolume,
  extendVolume,
} from '#/services/block-storage/volumes/volume.operations.ts';
import { planVolumes } from '#/services/block-storage/volumes/volume.plan.ts';

/** @param quotas of projects that have none of their own; -1 is unlimited */
export function blockStorageService({ quotas }: { quotas: QuotaDefaults }): Service {
  return {
    name: 'volume',
    type: 'volumev3',
    catalogName: 'cinderv3',
    aliases: ['block-storage'],
    catalogPath: '/v3/{project_id}',
    microversions: { type: 'volume', min: '3.0', max: newest, default: '3.0' },
    endpoints: [
      ...infoEndpoints,
      ...volumeEndpoints,
      ...actionEndpoints,
      ...metadataEndpoints,
      ...attachmentEndpoints,
      ...snapshotEndpoints,
      ...typeEndpoints,
      ...quotaEndpoints,
      ...transferEndpoints,
    ],
    rules: { ...actionRules, ...readingRules },
    statusOf: { overQuota: 413 },
    envelope,
    migrations: [volumeTables, serverAttachments, volumeHolds],
    operations: [createVolume, extendVolume, deleteVolume, createSnapshot, deleteSnapshot],
    planners: [planVolumes],
    async counts(tx) {
      const { count } = await tables(tx)
        .selectFrom('volumes')
        .select(eb => eb.fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      return { volumes: Number(count) };
    },
    settings: [quotaDefaults.being(quotas)],
    seed: seedTypes,
  };
}

const names: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'notAcceptable',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

function envelope({ status, message }: WireProblem): { body: unknown } {
  return { body: { [names[status] ?? 'computeFault']: { code: status, message } } };
}
