// Transfers: a volume changes hands with a key that its owner passes on. API: Block Storage v3, "Volume transfers".

import { createHash, timingSafeEqual } from 'node:crypto';
import { contextOf, newId, now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, type RequestFacts, since } from '#/platform/http/endpoint.ts';
import { any, array, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anyQuery, label, listedProject, member, onePage, reader, wire } from '#/services/block-storage/page.ts';
import { checkQuota } from '#/services/block-storage/quotas/quota.store.ts';
import { snapshotsOf } from '#/services/block-storage/snapshots/snapshot.store.ts';
import { tables, type TransferRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { findVolume, moveVolume, ownVolume, updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

const aTransfer: Finder<TransferRow> = {
  find: async ({ tx, path }) => findTransfer(tx, path['transfer_id']!),
  missing: path => noTransfer(path['transfer_id']!),
};

async function findTransfer(tx: Tx, id: string): Promise<TransferRow | undefined> {
  return tables(tx).selectFrom('volumeTransfers').selectAll().where('id', '=', id).executeTakeFirst();
}

function noTransfer(id: string): Problem {
  return new Problem('notFound', t.transferNotFound, { id: id.slice(0, 80) });
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

interface Context {
  request: RequestFacts;
  version: Microversion;
  name: string;
}

function summaryView(row: TransferRow, { request, name }: Context) {
  const path = `${row.projectId}/${name}/${row.id}`;
  return {
    id: row.id,
    name: row.name,
    volume_id: row.volumeId,
    links: [
      { rel: 'self', href: `${request.base}/v3/${path}` },
      { rel: 'bookmark', href: `${request.base}/${path}` },
    ],
  };
}

function detailView(row: TransferRow, context: Context) {
  const { version } = context;
  return {
    ...summaryView(row, context),
    created_at: row.createdAt,
    ...(since(version, '3.55') && context.name === 'volume-transfers' ? { no_snapshots: false } : {}),
    ...(since(version, '3.57') && context.name === 'volume-transfers'
      ? { source_project_id: row.projectId, destination_project_id: null, accepted: false }
      : {}),
  };
}

/** The same calls under the older name and, since 3.55, the newer one. */
function transferCalls(name: 'os-volume-transfer' | 'volume-transfers', versions: string | undefined) {
  const path = `/v3/{project_id}/${name}`;
  const list = (route: string, detail: boolean) =>
    endpoint({
      policy: 'volume:get_all_transfers',
      allow: reader,
      versions,
      route,
      query: anyQuery,
      replies: { 200: open({ transfers: array(wire) }) },
      async handle({ tx, query, caller, policy, request, version }) {
        const projectId = listedProject(query, caller, policy);
        const all = await tables(tx).selectFrom('volumeTransfers').selectAll().execute();
        const page = onePage(
          all.filter(row => projectId === null || row.projectId === projectId),
          query,
          request,
          {
            keys: { id: 'id', name: 'name', created_at: 'createdAt' } as const,
            fallback: [{ key: 'createdAt', direction: 'desc' }],
            noMarker: noTransfer,
          },
        );
        const view = detail ? detailView : summaryView;
        return { 200: { transfers: page.rows.map(row => view(row, { request, version, name })) } };
      },
    });
  return [
    list(`GET ${path}`, false),
    list(`GET ${path}/detail`, true),
    endpoint({
      policy: 'volume:create_transfer',
      allow: member,
      versions,
      route: `POST ${path}`,
      body: open({
        transfer: open({
          volume_id: string({ min: 1, max: 255 }),
          name: optional(nullable(label)),
          no_snapshots: optional(any()),
        }),
      }),
      replies: { 202: object({ transfer: wire }) },
      async handle({ tx, body, caller, request, version }) {
        const { volume_id: volumeId, name: title = null } = body.transfer;
        const volume = await ownVolume(tx, caller, volumeId);
        await moveVolume(tx, volume.id, ['available'], 'awaiting-transfer');
        const key = contextOf(tx).random.bytes(16).toString('hex');
        const row: TransferRow = {
          id: newId(tx),
          volumeId: volume.id,
          projectId: volume.projectId,
          name: title,
          keyHash: hashOf(key).toString('hex'),
          createdAt: now(tx),
        };
        await tables(tx).insertInto('volumeTransfers').values(row).execute();
        return { 202: { transfer: { ...detailView(row, { request, version, name }), auth_key: key } } };
      },
    }),
    endpoint({
      policy: 'volume:get_transfer',
      allow: reader,
      versions,
      route: `GET ${path}/{transfer_id}`,
      find: aTransfer,
      replies: { 200: object({ transfer: wire }) },
      handle: async ({ found, request, version }) => ({
        200: { transfer: detailView(found, { request, version, name }) },
      }),
    }),
    endpoint({
      policy: 'volume:delete_transfer',
      allow: member,
      versions,
      route: `DELETE ${path}/{transfer_id}`,
      find: aTransfer,
      replies: { 202: null },
      async handle({ tx, found }) {
        await endTransfer(tx, found);
        return { 202: undefined };
      },
    }),
    endpoint({
      policy: 'volume:accept_transfer',
      allow: member,
      versions,
      route: `POST ${path}/{transfer_id}/accept`,
      body: open({ accept: open({ auth_key: string({ min: 1, max: 255 }) }) }),
      replies: { 202: object({ transfer: wire }) },
      async handle({ tx, path: { transfer_id: id = '' }, body, caller, request, version }) {
        const row = await findTransfer(tx, id);
        if (!row) throw noTransfer(id);
        if (!timingSafeEqual(hashOf(body.accept.auth_key), Buffer.from(row.keyHash, 'hex')))
          throw new Problem('invalid', t.badKey, { id });
        const projectId = caller.projectId ?? '';
        const volume = (await findVolume(tx, row.volumeId))!;
        const snapshots = await snapshotsOf(tx, volume.id);
        const gib = volume.sizeGib + snapshots.reduce((sum, { sizeGib }) => sum + sizeGib, 0);
        if (projectId !== volume.projectId)
          await checkQuota(tx, projectId, { volumes: 1, snapshots: snapshots.length, gigabytes: gib }, volume.sizeGib);
        await endTransfer(tx, row);
        await updateVolume(tx, volume.id, { projectId, userId: caller.userId });
        await tables(tx)
          .updateTable('volumeSnapshots')
          .set({ projectId, userId: caller.userId })
          .where('volumeId', '=', volume.id)
          .execute();
        return { 202: { transfer: summaryView(row, { request, version, name }) } };
      },
    }),
  ];
}

async function endTransfer(tx: Tx, { id, volumeId }: TransferRow): Promise<void> {
  await tables(tx).deleteFrom('volumeTransfers').where('id', '=', id).execute();
  const volume = await findVolume(tx, volumeId);
  if (volume?.status === 'awaiting-transfer') await updateVolume(tx, volumeId, { status: 'available' });
}

export const transferEndpoints = [
  ...transferCalls('os-volume-transfer', undefined),
  ...transferCalls('volume-transfers', '3.55-'),
];
