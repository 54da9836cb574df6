// Hands out addresses. What is asked for is checked against the network's subnets; what is left open is chosen at random
// among a few free ones, so that an address that was just let go is not at once another port's.

import {
  contains,
  keyOf,
  parseAddress,
  parsePrefix,
  showAddress,
  slaacAddress,
} from '#/services/network/addressing/address.ts';
import { at, lowestFree, rangesOf, sizeOf, type Pool, usable } from '#/services/network/addressing/pools.rules.ts';
import { isAuto } from '#/services/network/subnets/subnet.rules.ts';
import { db, type SubnetRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { contextOf, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface FixedIpAsk {
  subnet_id?: string;
  ip_address?: string;
}

export interface Assigned {
  subnetId: string;
  ip: string;
  ipKey: string;
}

export interface AllocationAsk {
  networkId: string;
  /** In the order in which they are preferred. */
  subnets: SubnetRow[];
  /** Undefined: one IPv4 and one IPv6 address, as far as there are subnets for them. */
  fixedIps: FixedIpAsk[] | undefined;
  mac: string;
  deviceOwner: string;
  /** What the port has already: kept where it is asked for again. */
  keep?: Assigned[];
}

/** @throws Problem invalid for what does not fit the network, conflict for what is in use or exhausted */
export async function allocate(tx: Tx, ask: AllocationAsk): Promise<Assigned[]> {
  const { networkId, fixedIps, mac, deviceOwner, keep = [] } = ask;
  const router = deviceOwner.startsWith('network:router') || deviceOwner === 'network:floatingip';
  const automatic = (subnet: SubnetRow): boolean => !router && isAuto(subnet.ipv6AddressMode);
  const eligible = ask.subnets.filter(subnet => fitsService(subnet, deviceOwner));
  const chosen: Assigned[] = [];
  const add = (subnet: SubnetRow, value: bigint): void => {
    const ipKey = keyOf(subnet.version, value);
    if (!chosen.some(one => one.subnetId === subnet.id && one.ipKey === ipKey))
      chosen.push({ subnetId: subnet.id, ip: showAddress(subnet.version, value), ipKey });
  };
  if (fixedIps) {
    for (const wanted of fixedIps)
      if (wanted.ip_address !== undefined) await addNamed(wanted.ip_address, wanted.subnet_id);
    for (const wanted of fixedIps) if (wanted.ip_address === undefined) await addFrom(wanted.subnet_id);
  } else {
    for (const version of [4, 6]) {
      const candidates = eligible.filter(subnet => subnet.version === version && !automatic(subnet));
      if (candidates.length) await addAny(candidates);
    }
  }
  // A subnet with automatic addresses is for every guest on the network, asked for or not.
  if (!router && fixedIps?.length !== 0)
    for (const subnet of eligible) if (automatic(subnet)) add(subnet, slaacAddress(parsePrefix(subnet.cidr)!, mac));
  return chosen;

  async function addNamed(text: string, subnetId: string | undefined): Promise<void> {
    const address = parseAddress(text)!;
    const subnet =
      subnetId === undefined
        ? ask.subnets.find(one => contains(parsePrefix(one.cidr)!, address))
        : needSubnet(subnetId);
    if (!subnet) throw new Problem('invalid', t.invalidIpForNetwork, { ip: text });
    const prefix = parsePrefix(subnet.cidr)!;
    const { start, end } = usable(prefix);
    const isEdge = address.value < start || address.value > end;
    if (!contains(prefix, address) || (isEdge && !(router && subnet.version === 6)))
      throw new Problem('invalid', t.invalidIpForSubnet, { ip: text });
    if (automatic(subnet) && address.value !== slaacAddress(prefix, mac))
      throw new Problem('invalid', t.invalidInput, {
        attribute: 'fixed_ips',
        why: `IPv6 address ${text} can not be directly assigned to a port on subnet ${subnet.id} since the subnet is configured for automatic addresses`,
      });
    const ipKey = keyOf(subnet.version, address.value);
    if (chosen.some(one => one.subnetId === subnet.id && one.ipKey === ipKey))
      throw new Problem('invalid', t.invalidInput, { attribute: 'fixed_ips', why: `Duplicate IP address '${text}'` });
    const kept = keep.some(one => one.subnetId === subnet.id && one.ipKey === ipKey);
    if (!kept && (await isTaken(tx, subnet.id, [ipKey])).size)
      throw new Problem('conflict', t.ipAddressAlreadyAllocated, { ip: text, subnet: subnet.id });
    add(subnet, address.value);
  }

  async function addFrom(subnetId: string | undefined): Promise<void> {
    if (subnetId === undefined)
      throw new Problem('invalid', t.invalidInput, {
        attribute: 'fixed_ips',
        why: 'IP allocation requires subnet_id or ip_address',
      });
    const subnet = needSubnet(subnetId);
    if (automatic(subnet)) return add(subnet, slaacAddress(parsePrefix(subnet.cidr)!, mac));
    const kept = keep.find(
      one =>
        one.subnetId === subnetId && !chosen.some(other => other.subnetId === subnetId && other.ipKey === one.ipKey),
    );
    if (kept) return void chosen.push(kept);
    await addAny([subnet]);
  }

  async function addAny(candidates: SubnetRow[]): Promise<void> {
    for (const subnet of candidates) {
      const skip = new Set(chosen.filter(one => one.subnetId === subnet.id).map(one => one.ipKey));
      const value = await pickFree(tx, subnet, skip);
      if (value !== undefined) return add(subnet, value);
    }
    throw new Problem('conflict', t.ipAddressGenerationFailure, { network: networkId });
  }

  function needSubnet(id: string): SubnetRow {
    const subnet = ask.subnets.find(one => one.id === id);
    if (!subnet)
      throw new Problem('invalid', t.invalidInput, {
        attribute: 'fixed_ips',
        why: `Failed to create port on network ${networkId}, because fixed_ips included invalid subnet ${id}`,
      });
    return subnet;
  }
}

/** Subnets with service types are only for ports whose owner begins with one of them. */
function fitsService(subnet: SubnetRow, deviceOwner: string): boolean {
  const types = JSON.parse(subnet.serviceTypes) as string[];
  return !types.length || types.some(type => deviceOwner.startsWith(type));
}

const smallPool = 1_024n;
const probes = 16;

/** A free address of the subnet's pools, or undefined when there is none. */
export async function pickFree(tx: Tx, subnet: SubnetRow, skip: Set<string> = new Set()): Promise<bigint | undefined> {
  const ranges = rangesOf(JSON.parse(subnet.pools) as Pool[]);
  const size = sizeOf(ranges);
  if (size === 0n) return undefined;
  const key = (value: bigint): string => keyOf(subnet.version, value);
  if (size > smallPool) {
    const values = Array.from({ length: probes }, () => at(ranges, randomBelow(tx, size)));
    const taken = await isTaken(tx, subnet.id, values.map(key));
    const free = values.find(value => !taken.has(key(value)) && !skip.has(key(value)));
    if (free !== undefined) return free;
  }
  // Small, or nearly full: look at what is taken, in order.
  for (const range of ranges) {
    const rows = await db(tx)
      .selectFrom('portAddresses')
      .select('ipKey')
      .where('subnetId', '=', subnet.id)
      .where('ipKey', '>=', key(range.start))
      .where('ipKey', '<=', key(range.end))
      .orderBy('ipKey')
      .execute();
    const taken = [...rows.map(row => BigInt(`0x${row.ipKey}`)), ...[...skip].map(one => BigInt(`0x${one}`))];
    const free = lowestFree([range], taken, probes);
    if (free.length) return free[Number(randomBelow(tx, BigInt(free.length)))];
  }
  return undefined;
}

async function isTaken(tx: Tx, subnetId: string, keys: string[]): Promise<Set<string>> {
  const rows = await db(tx)
    .selectFrom('portAddresses')
    .select('ipKey')
    .where('subnetId', '=', subnetId)
    .where('ipKey', 'in', keys)
    .execute();
  return new Set(rows.map(row => row.ipKey));
}

function randomBelow(tx: Tx, limit: bigint): bigint {
  return BigInt(`0x${contextOf(tx).random.bytes(20).toString('hex')}`) % limit;
}
