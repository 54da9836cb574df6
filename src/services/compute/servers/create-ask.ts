// What a request for a new server comes to: everything that it names is looked up and checked, before anything is made.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { isTrue } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Flavor, findFlavor } from '#/services/compute/flavors/flavor.store.ts';
import { defaultZone, hostsOfZone } from '#/services/compute/hosts/aggregate.store.ts';
import { findKeypair } from '#/services/compute/keypairs/keypair.store.ts';
import { limitsOf } from '#/services/compute/quotas/quota.store.ts';
import { mustBeComputeHost } from '#/services/compute/scheduling/scheduler.ts';
import { findServerGroup, membersOf, type ServerGroup } from '#/services/compute/server-groups/server-group.store.ts';
import { readMapping } from '#/services/compute/server-images/image-mapping.rules.ts';
import { type DiskAsk, disksOf } from '#/services/compute/servers/block-device.rules.ts';
import type { CreateAsk, Hints, NetworkPart } from '#/services/compute/servers/create.schema.ts';
import { type ServerImage, serversByIds } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { asInvalid, toInteger } from '#/services/compute/wire.ts';
import { volumeForUse } from '#/services/block-storage/contract.ts';
import { imageForUse, mappingImageForUse, type UsableImage } from '#/services/image/contract.ts';
import { type NetworkAsk, networksForProject, securityGroupsByName } from '#/services/network/contract.ts';

const gib = 1_073_741_824;

/** @throws Problem invalid: no such flavor for this caller */
export async function askedFlavor(tx: Tx, caller: Caller, ref: string | number): Promise<Flavor> {
  const id = String(ref).split('/').at(-1)!;
  const flavor = await findFlavor(tx, caller, id);
  if (!flavor) throw new Problem('invalid', t.flavorNotFound, { id: id.slice(0, 255) });
  return flavor;
}

/** @throws Problem invalid: no such image, or one that cannot be used now */
export async function askedImage(tx: Tx, caller: Caller, ref: string): Promise<UsableImage> {
  return asInvalid(imageForUse(tx, caller, imageIdIn(ref)));
}

function imageIdIn(ref: string): string {
  const id = ref.replace(/\/$/, '').split('/').at(-1)!;
  if (!/^[0-9a-fA-F-]{32,36}$/.test(id)) throw new Problem('invalid', t.noImage, { id: id.slice(0, 255) });
  return id;
}

/** What an image without bytes says that its servers start from; null for any other. @throws Problem invalid */
async function askedMapping(tx: Tx, caller: Caller, ref: string) {
  const image = await asInvalid(mappingImageForUse(tx, caller, imageIdIn(ref)));
  return image && { image, parts: readMapping(image.properties['block_device_mapping']!) };
}

/** @throws Problem invalid when the image needs more than the flavor has */
export function checkImageFits(
  image: UsableImage,
  flavor: { memoryMib: number; diskGib: number },
  localRoot: boolean,
): void {
  if (image.minRamMib > flavor.memoryMib)
    throw new Problem('invalid', t.flavorMemoryTooSmall, { need: image.minRamMib, have: flavor.memoryMib });
  if (!localRoot || flavor.diskGib === 0) return;
  const need = Math.max(image.minDiskGib, Math.ceil((image.virtualSizeBytes ?? image.sizeBytes) / gib));
  if (need > flavor.diskGib) throw new Problem('invalid', t.flavorDiskTooSmall, { need, have: flavor.diskGib });
}

export interface DisksAsked {
  disks: DiskAsk[];
  imageId: string | null;
  image: ServerImage;
  localRoot: boolean;
}

/** The disks, and the image that the server counts as made of. */
export async function askedDisks(
  tx: Tx,
  caller: Caller,
  policy: Policy,
  ask: CreateAsk,
  flavor: Flavor,
): Promise<DisksAsked> {
  const mapping = ask.imageRef ? await askedMapping(tx, caller, ask.imageRef) : null;
  const image = ask.imageRef && !mapping ? await askedImage(tx, caller, ask.imageRef) : null;
  const v2 = mapping ? [...mapping.parts, ...(ask.block_device_mapping_v2 ?? [])] : ask.block_device_mapping_v2;
  const disks = disksOf(image?.id ?? null, { v2, old: ask.block_device_mapping }, flavor);
  const root = disks.find(disk => disk.bootIndex === 0)!;
  const localRoot = root.destination === 'local';
  if (disks.some(disk => disk.destination === 'volume'))
    mayDo(policy, caller, 'os_compute_api:servers:create:attach_volume');
  if (localRoot && flavor.diskGib === 0 && !may(policy, caller, 'os_compute_api:servers:create:zero_disk_flavor'))
    throw new Problem('forbidden', t.zeroDisk);
  for (const disk of disks)
    if (disk.source === 'image')
      checkImageFits(await askedImage(tx, caller, disk.uuid!), flavor, localRoot && disk === root);
  if (localRoot) {
    const local = image ?? (await askedImage(tx, caller, root.uuid!));
    return { disks, imageId: local.id, image: keptImage(local), localRoot };
  }
  if (root.source === 'image')
    return { disks, imageId: null, image: keptImage(await askedImage(tx, caller, root.uuid!)), localRoot };
  let properties = mapping?.image.properties ?? {};
  for (const disk of disks)
    if (disk.source === 'volume') {
      const volume = await asInvalid(volumeForUse(tx, caller, disk.uuid!));
      if (disk !== root) continue;
      if (!volume.bootable)
        throw new Problem('invalid', t.badBlockDevice, { why: `volume ${volume.id} is not bootable` });
      properties = volume.imageMetadata;
    }
  const { name, minRamMib } = mapping?.image ?? { name: '', minRamMib: 0 };
  if (minRamMib > flavor.memoryMib)
    throw new Problem('invalid', t.flavorMemoryTooSmall, { need: minRamMib, have: flavor.memoryMib });
  return { disks, imageId: null, image: { name: name ?? '', properties, minDiskGib: 0, minRamMib }, localRoot };
}

export function keptImage(image: UsableImage): ServerImage {
  const { name, properties, minDiskGib, minRamMib } = image;
  return { name: name ?? '', properties, minDiskGib, minRamMib };
}

export async function askedKey(tx: Tx, userId: string, keyName: string | null | undefined) {
  if (keyName === undefined || keyName === null) return null;
  const keypair = await findKeypair(tx, userId, keyName);
  if (!keypair) throw new Problem('invalid', t.badKeyName, { name: keyName });
  const { name, type, publicKey } = keypair;
  return { name, type, publicKey };
}

/** One entry for each interface. @throws Problem conflict when it is not clear which network is meant */
export async function askedNetworks(
  tx: Tx,
  caller: Caller,
  policy: Policy,
  asked: CreateAsk['networks'],
  count: number,
): Promise<(NetworkAsk & { tag?: string })[]> {
  if (asked === 'none') return [];
  if (asked === undefined || asked === 'auto' || asked.length === 0) {
    const networks = (await networksForProject(tx, caller)).filter(network => !network.external);
    if (networks.length > 1)
      throw new Problem('conflict', t.networkAmbiguous, { networks: networks.map(network => network.name) });
    return networks.map(({ id }) => ({ networkId: id }));
  }
  mayDo(policy, caller, 'os_compute_api:servers:create:attach_network');
  const asks = asked.map(fromPart);
  if (count > 1 && asks.some(ask => ask.portId ?? ask.fixedIp)) throw new Problem('invalid', t.countWithPort);
  const ports = asks.flatMap(ask => ask.portId ?? []);
  if (new Set(ports).size < ports.length) throw new Problem('invalid', t.networkRepeated, { id: ports[0] });
  const ids = [...new Set(asks.flatMap(ask => (ask.portId ? [] : ask.networkId!)))];
  if (ids.length === 0) return asks;
  const networks = await asInvalid(networksForProject(tx, caller, ids));
  for (const network of networks) {
    if (network.external && !may(policy, caller, 'network:attach_external_network'))
      throw new Problem('forbidden', t.externalNetwork, { id: network.id });
    if (!network.hasSubnets && network.portSecurity)
      throw new Problem('invalid', t.networkNoSubnet, { id: network.id });
  }
  return asks;
}

function fromPart(part: NetworkPart): NetworkAsk & { tag?: string } {
  if (part.port) return { portId: part.port, tag: part.tag };
  if (!part.uuid) throw new Problem('invalid', t.networkAsk);
  return { networkId: part.uuid, fixedIp: part.fixed_ip, tag: part.tag };
}

/** The names to put on the ports that are made here. */
export async function askedSecurityGroups(
  tx: Tx,
  caller: Caller,
  asked: CreateAsk['security_groups'],
): Promise<string[] | undefined> {
  if (asked === undefined || asked.length === 0) return undefined;
  const groups = await asInvalid(securityGroupsByName(tx, caller, [...new Set(asked.map(group => group.name))]));
  return groups.map(group => group.id);
}

/** `zone`, `zone:host` or `:host`, and 2.74's own fields. */
export async function askedPlace(
  tx: Tx,
  caller: Caller,
  policy: Policy,
  ask: CreateAsk,
): Promise<{ zone: string | null; host: string | null }> {
  const [zone = '', inZone = ''] = (ask.availability_zone ?? '').split(':');
  if (inZone && (ask.host || ask.hypervisor_hostname)) throw new Problem('invalid', t.zoneAndHost);
  if (inZone) mayDo(policy, caller, 'os_compute_api:servers:create:forced_host');
  const named = ask.host ?? ask.hypervisor_hostname;
  if (named) mayDo(policy, caller, 'compute:servers:create:requested_destination');
  if (named) await mustBeComputeHost(tx, named);
  if (zone && zone !== defaultZone && (await hostsOfZone(tx, zone)).length === 0)
    throw new Problem('invalid', t.zoneNotFound, { zone });
  return { zone: zone || null, host: inZone || named || null };
}

export interface HintsAsked {
  group: (ServerGroup & { hosts: string[] }) | null;
  differentHost: { id: string; host: string | null }[];
  sameHost: { id: string; host: string | null }[];
}

/** @throws Problem invalid for groups and servers that are not the project's */
export async function askedHints(tx: Tx, caller: Caller, hints: Hints): Promise<HintsAsked> {
  let group: HintsAsked['group'] = null;
  if (hints.group !== undefined) {
    const found = await findServerGroup(tx, hints.group);
    if (!found || found.projectId !== caller.projectId)
      throw new Problem('invalid', t.groupNotFound, { id: hints.group });
    const members = await membersOf(tx, [found.id]);
    const limit = (await limitsOf(tx, found.projectId)).server_group_members;
    if (limit >= 0 && members.length >= limit)
      throw new Problem('overQuota', t.overQuota, {
        resource: 'server_group_members',
        requested: 1,
        used: members.length,
        limit,
      });
    group = { ...found, hosts: [...new Set(members.flatMap(member => member.host ?? []))] };
  }
  const servers = async (hint: 'different_host' | 'same_host') => {
    const ids = [hints[hint] ?? []].flat();
    const found = await serversByIds(tx, ids);
    const missing = ids.find(id => !found.some(server => server.id === id && server.projectId === caller.projectId));
    if (missing) throw new Problem('invalid', t.hintServer, { hint, id: missing });
    return found.map(({ id, host }) => ({ id, host }));
  };
  return { group, differentHost: await servers('different_host'), sameHost: await servers('same_host') };
}

/** @throws Problem invalid unless it is base64 */
export function checkUserData(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text === '') return null;
  const plain = text.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain) || plain.length % 4 !== 0) throw new Problem('invalid', t.badUserData);
  return plain;
}

/** Metadata and injected files within the project's limits. @throws Problem overQuota, invalid */
export async function checkItems(
  tx: Tx,
  projectId: string,
  ask: { metadata?: Record<string, string>; personality?: { path: string; contents: string }[] },
): Promise<void> {
  const limits = await limitsOf(tx, projectId);
  const check = (resource: keyof typeof limits, requested: number): void => {
    const limit = limits[resource];
    if (limit >= 0 && requested > limit) throw new Problem('overQuota', t.tooManyItems, { resource, requested, limit });
  };
  check('metadata_items', Object.keys(ask.metadata ?? {}).length);
  check('injected_files', ask.personality?.length ?? 0);
  for (const { path, contents } of ask.personality ?? []) {
    check('injected_file_path_bytes', Buffer.byteLength(path));
    checkUserData(contents);
    check('injected_file_content_bytes', Buffer.from(contents, 'base64').length);
  }
}

export function askedCounts(ask: CreateAsk): { min: number; max: number } {
  const min = ask.min_count === undefined ? 1 : toInteger(ask.min_count, 'server.min_count', 1);
  const max = ask.max_count === undefined ? min : toInteger(ask.max_count, 'server.max_count', 1);
  if (min > max) throw new Problem('invalid', t.badCounts, { min, max });
  return { min, max };
}

export function wantsConfigDrive(asked: unknown, properties: Record<string, string>): boolean {
  return isTrue(asked ?? false) || properties['img_config_drive'] === 'mandatory';
}

function may(policy: Policy, caller: Caller, rule: string): boolean {
  return policy.allows(rule, caller.credentials, { project_id: caller.projectId, user_id: caller.userId });
}

function mayDo(policy: Policy, caller: Caller, rule: string): void {
  if (!may(policy, caller, rule)) throw new Problem('forbidden', t.needsRule, { rule });
}
