// The rows that an audit looks at: one query for each table, all in one transaction.

import type { HostEntryRow, HostRow } from '#/host/hosts.store.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { OperationRow } from '#/platform/operations/operation.store.ts';
import type { AttachmentRow, HoldRow, SnapshotRow, TransferRow, VolumeRow } from '#/services/block-storage/tables.ts';
import type { ServerFlavor } from '#/services/compute/servers/server.store.ts';
import type { ImageRow } from '#/services/image/tables.ts';
import type {
  FloatingIpRow,
  NetworkRow,
  PortAddressRow,
  PortBindingRow,
  PortRow,
  RouterHostRow,
  RouterRow,
} from '#/services/network/tables.ts';

export interface ServerRow {
  id: string;
  host: string | null;
  /** JSON of a `ServerFlavor`. */
  flavor: string;
  vcpus: number;
  memoryMib: number;
  imageId: string | null;
  /** JSON of what the image was. */
  image: string;
  vmState: string;
  taskState: string | null;
  planned: number;
  groupId: string | null;
  fault: string | null;
}

export interface BlockDeviceRow {
  id: string;
  serverId: string;
  destination: string;
  volumeId: string | null;
  attachmentId: string | null;
  bootIndex: number | null;
  connection: string | null;
  detaching: number;
}

export interface MigrationRow {
  uuid: string;
  serverId: string;
  stage: string;
  sourceHost: string;
  destHost: string;
  /** JSON of a `ServerFlavor`. */
  oldFlavor: string;
  newFlavor: string;
}

type Tables = {
  hosts: HostRow;
  hostEntries: HostEntryRow;
  operations: OperationRow;
  computeServers: ServerRow;
  computeBlockDevices: BlockDeviceRow;
  computeNics: { portId: string; serverId: string; plugged: number; detaching: number };
  computeMigrations: MigrationRow;
  computeServerGroups: { id: string; policy: string; maxPerHost: number | null };
  volumes: VolumeRow;
  volumeAttachments: AttachmentRow;
  volumeHolds: HoldRow;
  volumeSnapshots: SnapshotRow;
  volumeTransfers: TransferRow;
  images: ImageRow;
  imageUses: { imageId: string; userKey: string };
  networks: NetworkRow;
  ports: PortRow;
  portAddresses: PortAddressRow;
  portBindings: PortBindingRow;
  routers: RouterRow;
  routerHosts: RouterHostRow;
  floatingIps: FloatingIpRow;
  consumers: { id: string; type: string };
  allocations: { consumerId: string; providerId: string; resourceClass: string; used: number };
  inventories: {
    providerId: string;
    resourceClass: string;
    total: number;
    reserved: number;
    allocationRatio: number;
  };
};

/** Every table, whole. */
export type Rows = { readonly [K in keyof Tables]: Tables[K][] };

const names = [
  'hosts',
  'hostEntries',
  'operations',
  'computeServers',
  'computeBlockDevices',
  'computeNics',
  'computeMigrations',
  'computeServerGroups',
  'volumes',
  'volumeAttachments',
  'volumeHolds',
  'volumeSnapshots',
  'volumeTransfers',
  'images',
  'imageUses',
  'networks',
  'ports',
  'portAddresses',
  'portBindings',
  'routers',
  'routerHosts',
  'floatingIps',
  'consumers',
  'allocations',
  'inventories',
] as const satisfies (keyof Tables)[];

export async function readRows(tx: Tx): Promise<Rows> {
  const tables = tx.withTables<Tables>();
  const rows: Record<string, unknown[]> = {};
  for (const name of names) {
    const query = tables.selectFrom(name).selectAll();
    // Ended operations are history, and there may be many.
    rows[name] = await (name === 'operations'
      ? tables.selectFrom('operations').selectAll().where('phase', 'in', ['forward', 'undo']).execute()
      : query.execute());
  }
  return rows as unknown as Rows;
}

export function flavorOf(server: Pick<ServerRow, 'flavor'>): ServerFlavor {
  return JSON.parse(server.flavor) as ServerFlavor;
}
