// A small estate of one project: a server with a volume, a port of its own and a floating IP, and beside it an image.

import type { TestCloud } from '../test-cloud.ts';

export interface AuditedEstate {
  server: string;
  volume: string;
  remove(): Promise<void>;
}

export async function seedAudited(cloud: TestCloud): Promise<AuditedEstate> {
  const member = cloud.as('member');
  const admin = cloud.as('admin');
  const { flavor } = await admin.post(
    '/compute/v2.1/flavors',
    { flavor: { name: 'audit', ram: 256, vcpus: 1, disk: 1 } },
    200,
  );
  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 2 } }, 202);
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'own' } });
  const { subnet } = await member.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' },
  });
  const { networks } = await member.get('/network/v2.0/networks?router:external=true');
  const { router } = await member.post('/network/v2.0/routers', {
    router: { external_gateway_info: { network_id: networks[0].id } },
  });
  await member.put(`/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const { port } = await member.post('/network/v2.0/ports', { port: { network_id: network.id } });
  const { floatingip } = await member.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: networks[0].id, port_id: port.id },
  });
  const id = await member.post('/image/v2/images', { name: 'blank', disk_format: 'raw', container_format: 'bare' });
  await member.request('PUT', `/image/v2/images/${id.id}/file`, {
    raw: Buffer.alloc(1024),
    headers: { 'content-type': 'application/octet-stream' },
  });
  await cloud.settle();
  const { server } = await member.post(
    '/compute/v2.1/servers',
    { server: { name: 'one', flavorRef: flavor.id, imageRef: id.id, networks: [{ port: port.id }] } },
    202,
  );
  await cloud.settle();
  await member.post(
    `/compute/v2.1/servers/${server.id}/os-volume_attachments`,
    { volumeAttachment: { volumeId: volume.id } },
    200,
  );
  await cloud.settle();
  return {
    server: server.id,
    volume: volume.id,
    async remove() {
      await member.delete(`/compute/v2.1/servers/${server.id}`);
      await cloud.settle();
      await member.delete(`/volume/v3/{project}/volumes/${volume.id}`, 202);
      await member.delete(`/network/v2.0/floatingips/${floatingip.id}`);
      await member.delete(`/network/v2.0/ports/${port.id}`);
      await member.put(`/network/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
      await member.delete(`/network/v2.0/routers/${router.id}`);
      await member.delete(`/network/v2.0/networks/${network.id}`);
      await member.delete(`/image/v2/images/${id.id}`);
      await cloud.settle();
    },
  };
}
