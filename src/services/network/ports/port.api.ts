// Ports: where servers, routers and others meet a network. API: Network v2.0, "Ports".

import { allocate, type FixedIpAsk } from '#/services/network/addressing/allocate.ts';
import { replanAll, replanGroups, replanNetwork } from '#/services/network/affected.ts';
import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import {
  among,
  anyMap,
  boolean,
  dnsName,
  fixedIps,
  list,
  listOrNone,
  macAddress,
  orNull,
  text,
  uuid,
  wordOf,
} from '#/services/network/attributes/checks.ts';
import { makeFilter } from '#/services/network/attributes/list.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { standardAttributes, touched } from '#/services/network/attributes/standard.ts';
import { networkById, sharedNetworks, usableNetwork } from '#/services/network/networks/network.store.ts';
import { addressPairs, checkAddressPairs, dhcpOptions, mergeDhcpOptions } from '#/services/network/ports/port.rules.ts';
import { dhcpOwner, syncDhcpPorts } from '#/services/network/ports/dhcp-port.ts';
import { type AddressPair, type DhcpOption, makePort } from '#/services/network/ports/make-port.ts';
import {
  listPorts,
  macTaken,
  needPort,
  type Port,
  replaceAddresses,
  replaceGroups,
} from '#/services/network/ports/port.store.ts';
import { view } from '#/services/network/ports/port.view.ts';
import { forgetBindings } from '#/services/network/ports/port-binding.store.ts';
import { releaseFloatingIps, removePort } from '#/services/network/ports/remove-port.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { ensureDefaultGroup } from '#/services/network/security-groups/default-group.ts';
import { usableGroups } from '#/services/network/security-groups/security-group.store.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { Problem } from '#/platform/problem/problem.ts';

const vnicTypes = among(
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
  'accelerator-direct-physical',
  'remote-managed',
);

const attributes: Attributes = {
  ...standardAttributes(),
  network_id: postOnly(uuid),
  mac_address: both(orNull(macAddress), { default: undefined }),
  fixed_ips: both(fixedIps, { default: undefined }),
  admin_state_up: both(boolean, { default: true }),
  device_id: both(text(255), { default: '' }),
  device_owner: both(text(255), { default: '' }),
  status: readOnly(),
  security_groups: both(listOrNone(list(uuid, { max: 100 })), { default: undefined }),
  port_security_enabled: both(boolean, { default: undefined }),
  allowed_address_pairs: both(listOrNone(addressPairs), { default: undefined }),
  extra_dhcp_opts: both(listOrNone(dhcpOptions), { default: [] }),
  'binding:host_id': both(orNull(text(255)), { default: undefined }),
  'binding:profile': both(orNull(anyMap), { default: undefined }),
  'binding:vnic_type': both(vnicTypes, { default: 'normal' }),
  'binding:vif_type': readOnly(),
  'binding:vif_details': readOnly(),
  dns_name: both(dnsName, { default: '' }),
  dns_assignment: readOnly(),
};

export const ports: Resource<Port> = {
  singular: 'port',
  plural: 'ports',
  path: 'ports',
  attributes,
  allow: {
    create:
      '(role:admin) or (role:service) or role:member and project_id:%(network:project_id)s or role:member and True:%(network:shared)s',
    get: '(role:admin) or (role:service) or role:reader and project_id:%(network:project_id)s or role:reader and project_id:%(project_id)s',
    update: '(role:admin) or (role:service) or role:member and project_id:%(project_id)s',
    delete:
      '(role:admin) or (role:service) or role:member and project_id:%(network:project_id)s or role:member and project_id:%(project_id)s',
  },
  missing: t.portNotFound,
  columns: ['id', 'network_id', 'device_id', 'name', 'project_id', 'mac_address', 'device_owner'],
  filters: {
    fixed_ips: fixedIpFilter,
    security_groups: (port, wanted) => wanted.some(id => (port['security_groups'] as string[]).includes(id)),
    security_group_ids: (port, wanted) => wanted.some(id => (port['security_groups'] as string[]).includes(id)),
  },
  list: listPorts,
  view,
  target: row => ({
    'network:project_id': row.network.projectId,
    'network:shared': row.network.shared === 1,
    network_device: row.deviceOwner.startsWith('network:'),
  }),
  visible: (row, caller) => [row.projectId, row.network.projectId].includes(caller.projectId ?? '-'),
  newTarget,
  create,
  update,
  remove,
};

async function newTarget(tx: Tx, values: Values, caller: Caller): Promise<Values> {
  const network = await networkById(tx, values['network_id'] as string);
  const visible =
    network &&
    (caller.isAdmin ||
      network.projectId === caller.projectId ||
      network.external ||
      (await isShared(tx, network.id, network.shared, caller)));
  if (!network || !visible) throw new Problem('notFound', t.networkNotFound, { id: values['network_id'] as string });
  return {
    'network:project_id': network.projectId,
    'network:shared': await isShared(tx, network.id, network.shared, caller),
    network_device: wordOf(values['device_owner'] ?? '').startsWith('network:'),
  };
}

async function isShared(tx: Tx, id: string, shared: number, caller: Caller): Promise<boolean> {
  return shared === 1 || (await sharedNetworks(tx, caller.projectId ?? '')).has(id);
}

/** `fixed_ips=subnet_id=…`, `=ip_address=…`, `=ip_address_substr=…`: any of each, and one of every kind named. */
function fixedIpFilter(port: Values, wanted: string[]): boolean {
  const kinds = Map.groupBy(wanted, one => one.slice(0, one.indexOf('=')));
  const own = port['fixed_ips'] as { subnet_id: string; ip_address: string }[];
  for (const [kind, texts] of kinds) {
    const values = texts.map(one => one.slice(kind.length + 1));
    if (kind === 'subnet_id' && own.some(one => values.includes(one.subnet_id))) continue;
    if (kind === 'ip_address' && own.some(one => values.includes(one.ip_address))) continue;
    if (kind === 'ip_address_substr' && own.some(one => values.some(part => one.ip_address.includes(part)))) continue;
    if (!['subnet_id', 'ip_address', 'ip_address_substr'].includes(kind))
      makeFilter([[kind || 'fixed_ips', values]], new Set(), {});
    return false;
  }
  return true;
}

/** A port that named another project's router would become a part of it. @throws Problem conflict */
async function checkDevice(tx: Tx, caller: Caller, deviceId: string | undefined): Promise<void> {
  if (!deviceId || caller.isAdmin) return;
  const router = await db(tx).selectFrom('routers').select('projectId').where('id', '=', deviceId).executeTakeFirst();
  if (router && router.projectId !== caller.projectId)
    throw new Problem('conflict', t.deviceIDNotOwnedByTenant, { device: deviceId });
}

async function create({ tx, caller }: Ask, values: Values): Promise<Port> {
  const network = await usableNetwork(tx, values['network_id'] as string, caller);
  await checkDevice(tx, caller, values['device_id'] as string | undefined);
  const projectId = values['project_id'] as string;
  await checkQuota(tx, 'port', projectId);
  const deviceOwner = values['device_owner'] as string;
  const portSecurity =
    (values['port_security_enabled'] as boolean | undefined) ??
    (network.portSecurity === 1 && !deviceOwner.startsWith('network:'));
  const asked = values['security_groups'] as string[] | undefined;
  const pairs = (values['allowed_address_pairs'] as AddressPair[] | undefined) ?? [];
  if (asked?.length && !portSecurity) throw new Problem('invalid', t.portSecurityAndIPRequiredForSecurityGroups);
  if (pairs.length && !portSecurity) throw new Problem('conflict', t.addressPairAndPortSecurityRequired);
  const defaults =
    portSecurity && !deviceOwner.startsWith('network:') && projectId ? [await ensureDefaultGroup(tx, projectId)] : [];
  const groups = asked ? await usableGroups(tx, caller, asked) : defaults;
  const port = await makePort(tx, {
    network,
    projectId,
    name: values['name'] as string,
    description: values['description'] as string,
    tags: values['tags'] as string[],
    mac: (values['mac_address'] as string | null | undefined) ?? undefined,
    fixedIps: values['fixed_ips'] as FixedIpAsk[] | undefined,
    adminStateUp: values['admin_state_up'] as boolean,
    deviceId: values['device_id'] as string,
    deviceOwner,
    host: (values['binding:host_id'] as string | undefined) || null,
    vnicType: values['binding:vnic_type'] as string,
    profile: (values['binding:profile'] as Record<string, unknown> | null | undefined) ?? {},
    portSecurity,
    groups,
    dhcpOptions: values['extra_dhcp_opts'] as DhcpOption[],
    dnsName: values['dns_name'] as string,
  });
  if (!pairs.length) return port;
  const allowedPairs = JSON.stringify(checkAddressPairs(pairs, port.mac));
  await db(tx).updateTable('ports').set({ allowedPairs }).where('id', '=', port.id).execute();
  return { ...port, allowedPairs };
}

async function update({ tx, caller }: Ask, row: Port, values: Values): Promise<Port> {
  await checkDevice(tx, caller, values['device_id'] as string | undefined);
  const mac = values['mac_address'] as string | null | undefined;
  if (mac && mac !== row.mac) {
    if (row.host && row.deviceId) throw new Problem('conflict', t.portBound, { id: row.id });
    if (await macTaken(tx, row.networkId, mac))
      throw new Problem('conflict', t.macAddressInUse, { network: row.networkId, mac });
  }
  const portSecurity = (values['port_security_enabled'] as boolean | undefined) ?? row.portSecurity === 1;
  const asked = values['security_groups'] as string[] | undefined;
  const groups = asked ? await usableGroups(tx, caller, asked, row.groups) : row.groups;
  if (!portSecurity && groups.length)
    throw asked?.length
      ? new Problem('invalid', t.portSecurityAndIPRequiredForSecurityGroups)
      : new Problem('conflict', t.portSecurityPortHasSecurityGroup);
  const askedPairs = values['allowed_address_pairs'] as AddressPair[] | undefined;
  const pairs = askedPairs
    ? checkAddressPairs(askedPairs, mac ?? row.mac)
    : (JSON.parse(row.allowedPairs) as AddressPair[]);
  if (!portSecurity && pairs.length) throw new Problem('conflict', t.addressPairAndPortSecurityRequired);
  const fixed = values['fixed_ips'] as FixedIpAsk[] | undefined;
  if (fixed || (mac && mac !== row.mac))
    await moveAddresses(
      tx,
      row,
      fixed ??
        row.addresses.map(({ subnetId, ip }) => ({
          subnet_id: subnetId,
          ...(row.mac === mac ? { ip_address: ip } : {}),
        })),
      mac ?? row.mac,
    );
  const host =
    values['binding:host_id'] === undefined ? row.host : (values['binding:host_id'] as string | null) || null;
  const adminStateUp = values['admin_state_up'] === undefined ? row.adminStateUp : values['admin_state_up'] ? 1 : 0;
  const changes = {
    ...touched(tx, row, values),
    mac: mac ?? row.mac,
    adminStateUp,
    // A port that is let down, or bound elsewhere, is up again when its host says so.
    status: host === row.host && adminStateUp ? row.status : 'DOWN',
    deviceId: (values['device_id'] as string | undefined) ?? row.deviceId,
    deviceOwner: (values['device_owner'] as string | undefined) ?? row.deviceOwner,
    host,
    portSecurity: portSecurity ? 1 : 0,
    vnicType: (values['binding:vnic_type'] as string | undefined) ?? row.vnicType,
    ...(values['binding:profile'] === undefined ? {} : { profile: JSON.stringify(values['binding:profile'] ?? {}) }),
    allowedPairs: JSON.stringify(pairs),
    dhcpOptions: values['extra_dhcp_opts']
      ? JSON.stringify(
          mergeDhcpOptions(JSON.parse(row.dhcpOptions) as DhcpOption[], values['extra_dhcp_opts'] as DhcpOption[]),
        )
      : row.dhcpOptions,
    dnsName: (values['dns_name'] as string | undefined) ?? row.dnsName,
  };
  if (host !== row.host) await forgetBindings(tx, row);
  await db(tx).updateTable('ports').set(changes).where('id', '=', row.id).execute();
  if (asked) await replaceGroups(tx, row.id, groups);
  await replanAll(tx, [row.host, host]);
  await replanNetwork(tx, row.networkId);
  await replanGroups(tx, [...row.groups, ...groups]);
  const port = await needPort(tx, row.id);
  await emit(tx, {
    type: 'port.updated',
    projectId: port.projectId || null,
    resourceId: port.id,
    payload: { portId: port.id, deviceId: port.deviceId, networkId: port.networkId, host: port.host },
  });
  return port;
}

async function moveAddresses(tx: Tx, row: Port, fixedIps: FixedIpAsk[], mac: string): Promise<void> {
  const subnets = await subnetsOfNetwork(tx, row.networkId);
  const addresses = await allocate(tx, {
    networkId: row.networkId,
    subnets,
    fixedIps,
    mac,
    deviceOwner: row.deviceOwner,
    keep: row.addresses,
  });
  const kept = new Set(addresses.map(one => one.ip));
  await releaseFloatingIps(
    tx,
    row.id,
    row.addresses.map(one => one.ip).filter(ip => !kept.has(ip)),
  );
  await replaceAddresses(tx, row, addresses);
}

async function remove({ tx }: Ask, row: Port): Promise<void> {
  if (row.deviceOwner.startsWith('network:router')) {
    const router = await db(tx).selectFrom('routers').select('id').where('id', '=', row.deviceId).executeTakeFirst();
    if (router)
      throw new Problem('conflict', t.servicePortInUse, { id: row.id, why: `has device owner ${row.deviceOwner}` });
  }
  if (row.deviceOwner === 'network:floatingip') {
    const floating = await db(tx)
      .selectFrom('floatingIps')
      .select('id')
      .where('holderPortId', '=', row.id)
      .executeTakeFirst();
    if (floating)
      throw new Problem('conflict', t.servicePortInUse, { id: row.id, why: `has device owner ${row.deviceOwner}` });
  }
  await removePort(tx, row.id);
  if (row.deviceOwner === dhcpOwner) await syncDhcpPorts(tx, row.networkId);
}
