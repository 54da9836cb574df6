// The tables of block storage, as its stores see them.

import type { Tx } from '#/platform/database/tx.ts';

export type VolumeStatus =
  | 'creating'
  | 'available'
  | 'reserved'
  | 'attaching'
  | 'in-use'
  | 'detaching'
  | 'extending'
  | 'awaiting-transfer'
  | 'deleting'
  | 'error'
  | 'error_deleting'
  | 'error_extending'
  | 'maintenance'
  | 'retyping'
  | 'uploading';

export interface VolumeRow {
  id: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  sizeGib: number;
  status: VolumeStatus;
  /** What to go back to after work that interrupts it. */
  previousStatus: VolumeStatus | null;
  availabilityZone: string;
  typeId: string;
  bootable: number;
  multiattach: number;
  /** Null until someone says it. */
  readOnly: number | null;
  /** What it was made from. */
  snapshotId: string | null;
  sourceVolumeId: string | null;
  imageId: string | null;
  host: string | null;
  /** Its disk must be on the host. */
  planned: number;
  /** Its disk was there once: its source no longer matters. */
  built: number;
  /** Counts how often somebody's way to its disk was taken back. */
  epoch: number;
  /** JSON */
  metadata: string;
  imageMetadata: string;
  createdAt: string;
  updatedAt: string | null;
}

export interface AttachmentRow {
  id: string;
  volumeId: string;
  serverId: string | null;
  hostName: string | null;
  /** `/dev/vdb` */
  device: string | null;
  mode: 'rw' | 'ro';
  status: 'reserved' | 'attaching' | 'attached' | 'detaching';
  /** JSON, as the attachments API was given it. */
  connector: string | null;
  attachedAt: string | null;
  /** 1: made by compute for one of its servers, and ended by it alone. */
  ofServer: number;
  createdAt: string;
}

/** A host may reach the volume of an attachment. */
export interface HoldRow {
  attachmentId: string;
  host: string;
  /** What its agent shows the volume's host. */
  ticket: string;
}

export interface SnapshotRow {
  id: string;
  volumeId: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  sizeGib: number;
  status: 'creating' | 'available' | 'deleting' | 'error' | 'error_deleting';
  planned: number;
  /** JSON */
  metadata: string;
  createdAt: string;
  updatedAt: string | null;
}

export interface TypeRow {
  id: string;
  name: string;
  description: string | null;
  isPublic: number;
  /** JSON */
  extraSpecs: string;
  createdAt: string;
  updatedAt: string | null;
}

export interface TransferRow {
  id: string;
  volumeId: string;
  projectId: string;
  name: string | null;
  keyHash: string;
  createdAt: string;
}

export function tables(tx: Tx) {
  return tx.withTables<{
    volumes: VolumeRow;
    volumeAttachments: AttachmentRow;
    volumeHolds: HoldRow;
    volumeSnapshots: SnapshotRow;
    volumeTypes: TypeRow;
    volumeTypeAccess: { typeId: string; projectId: string };
    volumeQuotas: { projectId: string; resource: string; limit: number };
    volumeTransfers: TransferRow;
  }>();
}
