// An image on the wire.

import type { Image } from '#/services/image/images/image.store.ts';

/** Custom properties stand beside the fixed ones; a fixed one always wins. */
export function imageView(image: Image): Record<string, unknown> {
  const path = `/v2/images/${image.id}`;
  return {
    ...image.properties,
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    owner: image.projectId,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    size: image.sizeBytes,
    virtual_size: image.virtualSizeBytes,
    checksum: image.md5,
    os_hash_algo: image.sha512 === null ? null : 'sha512',
    os_hash_value: image.sha512,
    os_hidden: image.hidden === 1,
    protected: image.protected === 1,
    min_disk: image.minDiskGib,
    min_ram: image.minRamMib,
    tags: image.tags,
    created_at: wireTime(image.createdAt),
    updated_at: wireTime(image.updatedAt),
    self: path,
    file: `${path}/file`,
    schema: '/v2/schemas/image',
    ...(image.status === 'active' || image.status === 'deactivated' ? { stores: 'local' } : {}),
  };
}

/** `2026-01-31T12:00:00Z` */
export function wireTime(stored: string): string {
  return `${stored.slice(0, 19)}Z`;
}
