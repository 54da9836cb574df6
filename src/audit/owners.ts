// Nothing without an owner, nothing half attached, no address twice. Pure.

import { routerOwners } from '#/audit/expected.ts';
import type { Rows } from '#/audit/rows.ts';
import { auditTexts as t } from '#/audit/texts.ts';
import type { Report } from '#/audit/violation.ts';

export function checkPorts(rows: Rows, report: Report): void {
  const servers = ids(rows.computeServers);
  const routers = ids(rows.routers);
  const ports = ids(rows.ports);
  const networks = ids(rows.networks);
  const held = new Set(rows.floatingIps.map(row => row.holderPortId));
  const nics = new Set(rows.computeNics.map(nic => nic.portId));
  for (const port of rows.ports) {
    const { id, deviceId, deviceOwner } = port;
    const lost =
      (deviceOwner === 'compute:nova' && deviceId !== '' && !servers.has(deviceId)) ||
      (port.ownedByServer === 1 && !servers.has(deviceId)) ||
      (routerOwners.includes(deviceOwner) && !routers.has(deviceId)) ||
      (deviceOwner === 'network:floatingip' && !held.has(id));
    if (lost) report('owner', `port/${id}`, t.noOwner, { what: `port ${id} (${deviceOwner})`, owner: deviceId });
    else if (port.ownedByServer === 1 && !nics.has(id))
      report('owner', `port/${id}`, t.noOwner, { what: `port ${id}`, owner: `the interface of server ${deviceId}` });
    if (!networks.has(port.networkId))
      report('owner', `port/${id}`, t.lostPart, { what: `port ${id}`, part: `network ${port.networkId}` });
  }
  for (const { portId, serverId } of rows.computeNics)
    if (!ports.has(portId))
      report('owner', `server/${serverId}`, t.lostPart, { what: `server ${serverId}`, part: `port ${portId}` });
  for (const floating of rows.floatingIps) {
    const what = `floating IP ${floating.ip}`;
    if (!ports.has(floating.holderPortId))
      report('owner', `floatingip/${floating.id}`, t.lostPart, { what, part: `port ${floating.holderPortId}` });
    const { portId, fixedIp, routerId } = floating;
    if (portId !== null && !rows.portAddresses.some(row => row.portId === portId && row.ip === fixedIp))
      report('owner', `floatingip/${floating.id}`, t.lostPart, { what, part: `${fixedIp} of port ${portId}` });
    if (routerId !== null && !routers.has(routerId))
      report('owner', `floatingip/${floating.id}`, t.lostPart, { what, part: `router ${routerId}` });
  }
}

export function checkAddresses(rows: Rows, report: Report): void {
  const addresses = Map.groupBy(rows.portAddresses, row => `${row.networkId} ${row.ip}`);
  for (const [{ networkId, ip }, times] of repeated(addresses))
    report('address', `network/${networkId}`, t.addressTwice, { address: ip, network: networkId, times });
  const macs = Map.groupBy(rows.ports, row => `${row.networkId} ${row.mac}`);
  for (const [{ networkId, mac }, times] of repeated(macs))
    report('address', `network/${networkId}`, t.macTwice, { mac, network: networkId, times });
  const ports = ids(rows.ports);
  for (const { portId, ip } of rows.portAddresses)
    if (!ports.has(portId)) report('address', `port/${portId}`, t.noOwner, { what: `address ${ip}`, owner: portId });
  const floating = Map.groupBy(rows.floatingIps, row => `${row.networkId} ${row.ip}`);
  for (const [{ networkId, ip }, times] of repeated(floating))
    report('address', `network/${networkId}`, t.addressTwice, { address: ip, network: networkId, times });
}

export function checkVolumes(rows: Rows, report: Report): void {
  const servers = ids(rows.computeServers);
  const volumes = ids(rows.volumes);
  const attachments = ids(rows.volumeAttachments);
  const devices = new Set(rows.computeBlockDevices.map(device => device.attachmentId));
  for (const { id, serverId } of rows.volumeAttachments) {
    if (serverId === null) continue;
    const what = `volume attachment ${id}`;
    if (!servers.has(serverId)) report('owner', `attachment/${id}`, t.noOwner, { what, owner: `server ${serverId}` });
    else if (!devices.has(id))
      report('owner', `attachment/${id}`, t.noOwner, { what, owner: `the disk of server ${serverId}` });
  }
  for (const { serverId, volumeId, attachmentId } of rows.computeBlockDevices) {
    const what = `server ${serverId}`;
    if (volumeId !== null && !volumes.has(volumeId))
      report('owner', `server/${serverId}`, t.lostPart, { what, part: `volume ${volumeId}` });
    if (attachmentId !== null && !attachments.has(attachmentId))
      report('owner', `server/${serverId}`, t.lostPart, { what, part: `volume attachment ${attachmentId}` });
  }
  checkHolds(rows, report);
  const counts = Map.groupBy(rows.volumeAttachments, row => row.volumeId);
  const transfers = new Set(rows.volumeTransfers.map(row => row.volumeId));
  for (const { id, status } of rows.volumes) {
    const attached = (counts.get(id)?.length ?? 0) > 0;
    if (attached && status === 'available')
      report('owner', `volume/${id}`, t.statusDiffers, { what: `volume ${id}`, status, wanted: 'in-use' });
    if (!attached && status === 'in-use')
      report('owner', `volume/${id}`, t.statusDiffers, { what: `volume ${id}`, status, wanted: 'available' });
    if (status === 'awaiting-transfer' && !transfers.has(id))
      report('owner', `volume/${id}`, t.lostPart, { what: `volume ${id}`, part: 'its transfer' });
  }
}

/** Whoever may reach a volume has its server, or is about to; and whoever has the server may reach its volumes. */
function checkHolds(rows: Rows, report: Report): void {
  const servers = new Map(rows.computeServers.map(server => [server.id, server]));
  const volumes = new Map(rows.volumes.map(volume => [volume.id, volume]));
  const moves = new Map(
    rows.computeMigrations.filter(({ stage }) => stage !== 'none').map(move => [move.serverId, move]),
  );
  const holds = Map.groupBy(rows.volumeHolds, hold => hold.attachmentId);
  for (const { id, serverId, volumeId } of rows.volumeAttachments) {
    const server = serverId === null ? undefined : servers.get(serverId);
    if (!server) continue;
    const move = moves.get(server.id);
    const hosts = [server.host, move?.sourceHost, move?.destHost];
    const held = (holds.get(id) ?? []).map(({ host }) => host);
    for (const host of held)
      if (!hosts.includes(host))
        report('owner', `volume/${volumeId}`, t.noOwner, {
          what: `the way from ${host} to volume ${volumeId}`,
          owner: `server ${server.id} there`,
        });
    const at = volumes.get(volumeId)?.host ?? null;
    if (!move && server.host !== null && at !== null && at !== server.host && !held.includes(server.host))
      report('owner', `server/${server.id}`, t.lostPart, {
        what: `server ${server.id}`,
        part: `its way to volume ${volumeId}`,
      });
  }
}

export function checkImages(rows: Rows, report: Report): void {
  const servers = ids(rows.computeServers);
  const volumes = ids(rows.volumes);
  const used = new Set(rows.imageUses.map(use => use.imageId));
  for (const { imageId, userKey } of rows.imageUses) {
    const [kind, id = ''] = userKey.split('/');
    if (!(kind === 'server' ? servers : volumes).has(id))
      report('owner', `image/${imageId}`, t.noOwner, { what: `use of image ${imageId}`, owner: userKey });
  }
  for (const { id, status } of rows.images)
    if (status === 'deleted' && !used.has(id))
      report('owner', `image/${id}`, t.noOwner, { what: `deleted image ${id}`, owner: 'whatever used it' });
}

function ids(rows: { id: string }[]): Set<string> {
  return new Set(rows.map(row => row.id));
}

function* repeated<T>(groups: Map<string, T[]>): Generator<[T, number]> {
  for (const group of groups.values()) if (group.length > 1) yield [group[0]!, group.length];
}
