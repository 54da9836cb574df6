// Makes new servers in the request's transaction: quota, host, room, ports, volumes, row and operation, or nothing of it.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { contextOf, newId, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { start } from '#/platform/operations/operation.store.ts';
import type { PlanKey } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { replan } from '#/host/hosts.ts';
import { checkQuota } from '#/services/compute/quotas/quota.store.ts';
import type { PlacementAsk } from '#/services/compute/scheduling/filters.ts';
import { beginScheduling, place, resourcesOf } from '#/services/compute/scheduling/scheduler.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import type { DiskAsk } from '#/services/compute/servers/block-device.rules.ts';
import * as asked from '#/services/compute/servers/create-ask.ts';
import type { CreateAsk, Hints } from '#/services/compute/servers/create.schema.ts';
import { createServer, createServerWithVolumes } from '#/services/compute/servers/create-server.operation.ts';
import { keepImages } from '#/services/compute/servers/release.ts';
import { hostnameOf, powerStates } from '#/services/compute/servers/server.rules.ts';
import {
  type BlockDevice,
  changeServer,
  faultOf,
  insertBlockDevices,
  insertNic,
  insertServer,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { canonicalIp, asInvalid } from '#/services/compute/wire.ts';
import { createForServer, reserveForServer, snapshotForUse } from '#/services/block-storage/contract.ts';
import { bindServerPort, createServerPort, type NetworkAsk, portPlan } from '#/services/network/contract.ts';

export interface CreatedServers {
  servers: Server[];
  reservationId: string;
  adminPass: string;
}

/** @throws Problem for anything that can be known now, but for the lack of a host: such a server is made, in error */
export async function createServers(
  tx: Tx,
  caller: Caller & { projectId: string },
  policy: Policy,
  ask: CreateAsk,
  hints: Hints,
): Promise<CreatedServers> {
  if (ask.trusted_image_certificates) throw new Problem('invalid', t.trustedCerts);
  const { projectId, userId } = caller;
  const { max: count } = asked.askedCounts(ask);
  const flavor = await asked.askedFlavor(tx, caller, ask.flavorRef);
  const disks = await asked.askedDisks(tx, caller, policy, ask, flavor);
  if (count > 1 && disks.disks.some(disk => disk.source === 'volume')) throw new Problem('invalid', t.countWithPort);
  const key = await asked.askedKey(tx, userId, ask.key_name);
  const networks = await asked.askedNetworks(tx, caller, policy, ask.networks, count);
  const securityGroups = await asked.askedSecurityGroups(tx, caller, ask.security_groups);
  await asked.checkItems(tx, projectId, ask);
  const userData = asked.checkUserData(ask.user_data);
  const { group, differentHost, sameHost } = await asked.askedHints(tx, caller, hints);
  await checkQuota(tx, caller, { instances: count, cores: count * flavor.vcpus, ram: count * flavor.memoryMib });
  const where = await asked.askedPlace(tx, caller, policy, ask);
  const scheduling = beginScheduling(tx, { groupId: group?.id ?? null, count });
  const placement: PlacementAsk = {
    resources: resourcesOf(flavor, disks.localRoot),
    ...where,
    architecture: disks.image.properties['hw_architecture'] ?? disks.image.properties['architecture'] ?? null,
    extraSpecs: flavor.extraSpecs,
    imageProperties: disks.image.properties,
    group: group && { id: group.id, policy: group.policy, maxPerHost: group.maxPerHost ?? 1, hosts: group.hosts },
    differentHost,
    sameHost,
  };
  const { random } = contextOf(tx);
  const reservationId = `r-${random.bytes(5).toString('hex').slice(0, 8)}`;
  const adminPass = ask.adminPass ?? newPassword(tx);
  const servers: Server[] = [];
  for (let index = 0; index < count; index++) {
    const id = newId(tx);
    const name = count === 1 ? ask.name : `${ask.name}-${index + 1}`;
    const server = await insertServer(tx, {
      id,
      projectId,
      userId,
      name,
      hostname:
        ask.hostname === undefined
          ? hostnameOf(name, `server-${id}`)
          : count === 1
            ? ask.hostname
            : `${ask.hostname}-${index + 1}`,
      description: ask.description ?? null,
      reservationId,
      launchIndex: index,
      keyName: key?.name ?? null,
      keyData: key,
      flavor: {
        id: flavor.id,
        name: flavor.name,
        vcpus: flavor.vcpus,
        memoryMib: flavor.memoryMib,
        diskGib: flavor.diskGib,
        ephemeralGib: flavor.ephemeralGib,
        swapMib: flavor.swapMib,
        extraSpecs: flavor.extraSpecs,
      },
      vcpus: flavor.vcpus,
      memoryMib: flavor.memoryMib,
      imageId: disks.imageId,
      image: disks.image,
      vmState: 'building',
      taskState: 'scheduling',
      powerState: powerStates.unknown,
      lockedBy: null,
      lockedReason: null,
      host: null,
      zone: null,
      pinnedZone: where.zone,
      accessIpv4: canonicalIp(ask.accessIPv4, 'accessIPv4'),
      accessIpv6: canonicalIp(ask.accessIPv6, 'accessIPv6'),
      diskConfig: ask['OS-DCF:diskConfig'] ?? 'MANUAL',
      configDrive: asked.wantsConfigDrive(ask.config_drive, disks.image.properties) ? 1 : 0,
      metadata: ask.metadata ?? {},
      tags: [...(ask.tags ?? [])].toSorted(),
      userData,
      adminPass,
      randomSeed: random.bytes(32).toString('hex'),
      files: ask.personality ?? [],
      hints,
      groupId: group?.id ?? null,
      power: 'running',
      boot: 1,
      rootGeneration: 0,
      planned: 0,
      rootDevice: '/dev/vda',
      fault: null,
      launchedAt: null,
    });
    await beginAction(tx, server, 'create', caller);
    const placed = await place(tx, scheduling, placement, { id, projectId, userId });
    if ('problem' in placed) await unplaceable(tx, server, placed.problem);
    else
      await build(
        tx,
        caller,
        { ...server, host: placed.host.name, zone: placed.host.zone },
        { disks: disks.disks, networks, securityGroups },
      );
    servers.push(server);
    await emit(tx, { type: 'server.create.start', projectId, resourceId: id, payload: { name } });
  }
  return { servers, reservationId, adminPass };
}

/** The server stays, so that its owner can read why. It holds nothing. */
async function unplaceable(tx: Tx, server: Server, problem: Problem): Promise<void> {
  await changeServer(tx, server.id, {
    vmState: 'error',
    taskState: null,
    adminPass: null,
    fault: faultOf(tx, problem),
  });
  await endAction(tx, server.id, problem);
}

async function build(
  tx: Tx,
  caller: Caller & { projectId: string },
  server: Server & { host: string },
  parts: { disks: DiskAsk[]; networks: (NetworkAsk & { tag?: string })[]; securityGroups: string[] | undefined },
): Promise<void> {
  const { id: serverId, host, name: serverName } = server;
  const withVolumes = parts.disks.some(disk => disk.destination === 'volume');
  await changeServer(tx, serverId, {
    host,
    zone: server.zone,
    planned: withVolumes ? 0 : 1,
    taskState: withVolumes ? 'block_device_mapping' : 'spawning',
  });
  const portKeys: PlanKey[] = [];
  for (const [position, { tag = null, networkId, portId, fixedIp }] of parts.networks.entries()) {
    const bound = { serverId, serverName, host };
    const port = await asInvalid(
      portId
        ? bindServerPort(tx, caller, { ...bound, portId, fixedIp })
        : createServerPort(tx, caller, {
            ...bound,
            networkId: networkId!,
            fixedIp,
            securityGroups: parts.securityGroups,
            dnsName: server.hostname,
          }),
    );
    await insertNic(tx, { portId: port.id, serverId, position, tag, plugged: 1, detaching: 0 });
    for (const key of portPlan(host, port)) if (!portKeys.some(known => known.key === key.key)) portKeys.push(key);
  }
  const devices: BlockDevice[] = [];
  for (const [position, disk] of parts.disks.entries())
    devices.push(await deviceFor(tx, caller, server, disk, position));
  await insertBlockDevices(tx, devices);
  await keepImages(tx, server);
  const revisions = { [host]: await replan(tx, host, `server/${serverId}`) };
  const about = { resourceId: serverId, projectId: server.projectId, revisions };
  await start(tx, withVolumes ? createServerWithVolumes : createServer, { serverId, host, portKeys }, about);
}

/** The row of a disk; volumes are reserved or made here. */
async function deviceFor(
  tx: Tx,
  caller: Caller,
  server: Server & { host: string },
  disk: DiskAsk,
  position: number,
): Promise<BlockDevice> {
  const row: BlockDevice = {
    id: newId(tx),
    serverId: server.id,
    position,
    source: disk.source,
    destination: disk.destination,
    volumeId: null,
    attachmentId: null,
    device: disk.device,
    bootIndex: disk.bootIndex,
    sizeGib: disk.sizeGib,
    guestFormat: disk.guestFormat,
    tag: disk.tag,
    deleteOnTermination: disk.deleteOnTermination ? 1 : 0,
    madeHere: 0,
    readOnly: 0,
    connection: null,
    detaching: 0,
  };
  if (disk.destination === 'local') return row;
  if (disk.source === 'volume') {
    const { attachmentId, volume } = await asInvalid(
      reserveForServer(tx, caller, {
        volumeId: disk.uuid!,
        serverId: server.id,
        host: server.host,
        device: disk.device,
      }),
    );
    return { ...row, volumeId: volume.id, attachmentId, sizeGib: volume.sizeGib, readOnly: volume.readOnly ? 1 : 0 };
  }
  const volume = await asInvalid(makeVolume(tx, caller, server, disk));
  return {
    ...row,
    volumeId: volume.id,
    attachmentId: volume.attachmentId,
    sizeGib: volume.sizeGib,
    madeHere: 1,
  };
}

async function makeVolume(tx: Tx, caller: Caller, server: Server & { host: string }, disk: DiskAsk) {
  const { source, uuid, device, volumeType } = disk;
  const snapshot = source === 'snapshot' ? await snapshotForUse(tx, caller, uuid!) : null;
  const from = snapshot ? { snapshotId: snapshot.id } : source === 'image' ? { imageId: uuid! } : {};
  const sizeGib = disk.sizeGib ?? snapshot?.sizeGib ?? 1;
  return createForServer(tx, caller, {
    sizeGib,
    ...from,
    name: '',
    volumeType: volumeType ?? undefined,
    serverId: server.id,
    host: server.host,
    device,
  });
}

const passwordLetters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Twelve letters and digits that are not mistaken for one another. */
export function newPassword(tx: Tx): string {
  return Array.from(contextOf(tx).random.bytes(12), byte => passwordLetters[byte % passwordLetters.length]).join('');
}
