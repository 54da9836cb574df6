// The tables of the image service, as its stores see them.

import type { Tx } from '#/platform/database/tx.ts';

/** `deleted`: only the row and the bytes are kept, because a server still uses them. */
export type ImageStatus =
  | 'queued'
  | 'saving'
  | 'uploading'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'killed'
  | 'deleted';
export type Visibility = 'public' | 'private' | 'shared' | 'community';

export interface ImageRow {
  id: string;
  /** The owner. */
  projectId: string;
  name: string | null;
  status: ImageStatus;
  visibility: Visibility;
  diskFormat: string | null;
  containerFormat: string | null;
  sizeBytes: number | null;
  virtualSizeBytes: number | null;
  md5: string | null;
  sha512: string | null;
  /** 0 when nothing of the declared format was found in the bytes: stored, never opened. */
  formatProven: number;
  minDiskGib: number;
  minRamMib: number;
  protected: number;
  hidden: number;
  /** The upload that fills it now. */
  uploadId: string | null;
  /** When that upload last showed life, milliseconds since 1970. */
  uploadAliveAt: number;
  createdAt: string;
  updatedAt: string;
}

export interface MemberRow {
  imageId: string;
  memberId: string;
  status: 'pending' | 'accepted' | 'rejected';
  createdAt: string;
  updatedAt: string;
}

export interface TaskRow {
  id: string;
  imageId: string;
  projectId: string;
  userId: string;
  requestId: string | null;
  type: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  /** JSON */
  input: string;
  message: string;
  createdAt: string;
  updatedAt: string;
}

export function tables(tx: Tx) {
  return tx.withTables<{
    imageStores: { id: string; directory: string };
    images: ImageRow;
    imageProperties: { imageId: string; name: string; value: string };
    imageTags: { imageId: string; tag: string };
    imageMembers: MemberRow;
    imageUses: { imageId: string; userKey: string };
    imageTasks: TaskRow;
  }>();
}
