// What must be on each host, derived from the rows alone: a second opinion beside the planners of the services. Pure.

import type { Rows, ServerRow } from '#/audit/rows.ts';
import { holdsBoth } from '#/services/compute/server-migrations/migration.rules.ts';

/** Host → the keys of all that must be there. Security groups are parts of filters, no objects of their own. */
export function expectedOnHosts(rows: Rows): Map<string, Set<string>> {
  const expected = new Map(rows.hosts.map(host => [host.name, new Set<string>()]));
  const add = (host: string | null, ...keys: string[]): void => {
    if (host !== null) for (const key of keys) expected.get(host)?.add(key);
  };
  const stored = new Set(
    rows.images.filter(image => image.sha512 !== null && image.sizeBytes !== null).map(row => row.id),
  );
  for (const server of rows.computeServers) {
    if (server.planned !== 1) continue;
    add(server.host, `server/${server.id}`);
    for (const imageId of imagesOf(server)) if (stored.has(imageId)) add(server.host, `image/${imageId}`);
  }
  const servers = new Map(rows.computeServers.map(server => [server.id, server]));
  for (const { serverId, stage, sourceHost, destHost } of rows.computeMigrations) {
    const server = servers.get(serverId);
    if (!holdsBoth(stage) || server?.planned !== 1) continue;
    const comes = stage !== 'stopping' && stage !== 'leaving';
    for (const host of comes ? [sourceHost, destHost] : [sourceHost]) {
      add(host, `server/${serverId}`);
      for (const imageId of imagesOf(server)) if (stored.has(imageId)) add(host, `image/${imageId}`);
    }
  }
  for (const volume of rows.volumes) {
    if (volume.planned !== 1) continue;
    add(volume.host, `volume/${volume.id}`);
    if (volume.built === 0 && volume.imageId !== null && stored.has(volume.imageId))
      add(volume.host, `image/${volume.imageId}`);
  }
  const up = new Set(rows.networks.filter(network => network.adminStateUp === 1).map(network => network.id));
  const used = new Set(
    rows.ports.filter(port => port.host && !port.deviceOwner.startsWith('network:')).map(port => port.networkId),
  );
  const standby = Map.groupBy(rows.portBindings, binding => binding.portId);
  for (const { id, host, networkId, deviceOwner } of rows.ports) {
    if (deviceOwner === 'network:dhcp' && used.has(networkId)) {
      add(host, `network/${networkId}`);
      if (up.has(networkId)) add(host, `dhcp/${networkId}`);
    }
    if (deviceOwner.startsWith('network:')) continue;
    for (const on of [host, ...(standby.get(id) ?? []).map(binding => binding.host)]) {
      add(on, `port/${id}`, `network/${networkId}`);
      // Metadata is answered where the guest is.
      if (up.has(networkId)) add(on, `dhcp/${networkId}`);
    }
  }
  const bound = new Set(rows.ports.filter(port => port.host !== null).map(port => port.networkId));
  for (const { id, carrier } of rows.networks) if (bound.has(id)) add(carrier, `network/${id}`);
  for (const router of rows.routers) {
    const on = rows.routerHosts.filter(one => one.routerId === router.id).map(one => one.host);
    for (const host of on.length ? on : [router.host]) {
      add(host, `router/${router.id}`);
      for (const port of rows.ports)
        if (
          port.deviceId === router.id &&
          (routerOwners.includes(port.deviceOwner) || port.deviceOwner === haPortOwner)
        )
          add(host, `network/${port.networkId}`);
    }
  }
  return expected;
}

const haPortOwner = 'network:router_ha_interface';
export const routerOwners = ['network:router_interface', 'network:router_gateway'];

/** The images that a server's disks and kernel come from. */
function imagesOf({ imageId, image }: ServerRow): string[] {
  if (imageId === null) return [];
  const { properties = {} } = JSON.parse(image) as { properties?: Record<string, string> };
  return [imageId, properties['kernel_id'], properties['ramdisk_id']].filter(id => !!id) as string[];
}
