// What many stories begin with: an image and a network.

import { equal } from 'node:assert/strict';
import type { TestClient } from './test-cloud.ts';

/** A public image of a few bytes, put there by the administrator. */
export async function someImage(admin: TestClient, properties: Record<string, unknown> = {}): Promise<string> {
  const image = await admin.post('/image/v2/images', {
    name: 'tiny',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'public',
    ...properties,
  });
  const put = await admin.request('PUT', `/image/v2/images/${image.id}/file`, {
    raw: Buffer.alloc(1024, 7),
    headers: { 'content-type': 'application/octet-stream' },
  });
  equal(put.status, 204, JSON.stringify(put.body));
  return image.id as string;
}

/** A network with one subnet. */
export async function someNetwork(member: TestClient, name = 'net', cidr = '10.7.0.0/24'): Promise<string> {
  const { network } = await member.post('/network/v2.0/networks', { network: { name } });
  await member.post('/network/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr } });
  return network.id as string;
}
