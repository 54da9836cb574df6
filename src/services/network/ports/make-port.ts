// Makes a port of any kind: for users, servers, routers, floating IPs and DHCP.

import { allocate, type FixedIpAsk } from '#/services/network/addressing/allocate.ts';
import { replanAll, replanGroups, replanNetwork } from '#/services/network/affected.ts';
import { newStandard } from '#/services/network/attributes/standard.ts';
import { freeMac, insertPort, macTaken, type Port, portById } from '#/services/network/ports/port.store.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import type { NetworkRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface AddressPair {
  mac_address: string;
  ip_address: string;
}

export interface DhcpOption {
  opt_name: string;
  opt_value: string;
  ip_version: number;
}

export interface PortDraft {
  network: NetworkRow;
  projectId: string;
  name?: string;
  description?: string;
  tags?: string[];
  mac?: string;
  /** Undefined: as the network's subnets suggest. */
  fixedIps?: FixedIpAsk[];
  adminStateUp?: boolean;
  deviceId?: string;
  deviceOwner?: string;
  host?: string | null;
  vnicType?: string;
  profile?: Record<string, unknown>;
  portSecurity?: boolean;
  groups?: string[];
  allowedPairs?: AddressPair[];
  dhcpOptions?: DhcpOption[];
  dnsName?: string;
  ordinal?: number;
  ownedByServer?: boolean;
}

/** @throws Problem as `allocate` does, and conflict when the MAC address is in use */
export async function makePort(tx: Tx, draft: PortDraft): Promise<Port> {
  const { network, deviceOwner = '', groups = [] } = draft;
  if (draft.mac !== undefined && (await macTaken(tx, network.id, draft.mac)))
    throw new Problem('conflict', t.macAddressInUse, { network: network.id, mac: draft.mac });
  const mac = draft.mac ?? (await freeMac(tx, network.id));
  const subnets = await subnetsOfNetwork(tx, network.id);
  const addresses = await allocate(tx, { networkId: network.id, subnets, fixedIps: draft.fixedIps, mac, deviceOwner });
  const row = {
    ...newStandard(tx, {
      project_id: draft.projectId,
      name: draft.name,
      description: draft.description,
      tags: draft.tags,
    }),
    networkId: network.id,
    mac,
    adminStateUp: draft.adminStateUp === false ? 0 : 1,
    status: 'DOWN',
    deviceId: draft.deviceId ?? '',
    deviceOwner,
    host: draft.host ?? null,
    vnicType: draft.vnicType ?? 'normal',
    profile: JSON.stringify(draft.profile ?? {}),
    portSecurity: draft.portSecurity === false ? 0 : 1,
    allowedPairs: JSON.stringify(draft.allowedPairs ?? []),
    dhcpOptions: JSON.stringify(draft.dhcpOptions ?? []),
    dnsName: draft.dnsName ?? '',
    ordinal: draft.ordinal ?? 0,
    ownedByServer: draft.ownedByServer ? 1 : 0,
  };
  await insertPort(tx, row, addresses, groups);
  if (row.host) await replanAll(tx, [row.host]);
  // Leases are on every host that has the network, and groups of others may name this port's.
  await replanNetwork(tx, network.id);
  await replanGroups(tx, groups);
  return (await portById(tx, row.id))!;
}
