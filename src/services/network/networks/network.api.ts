// Networks: layer 2 segments that projects put their ports on. API: Network v2.0, "Networks".

import { hostsOfNetwork, replanAll } from '#/services/network/affected.ts';
import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { boolean, dnsDomain, integer, list, orNull, text } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { placeCarrier } from '#/services/network/networks/carrier.ts';
import { largestMtu } from '#/services/network/networks/largest-mtu.ts';
import { checkZones, planMtu, planSegment, zone } from '#/services/network/networks/network.rules.ts';
import {
  freeSegmentationId,
  lastSegmentationId,
  listNetworks,
  type Network,
} from '#/services/network/networks/network.store.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { ensureDefaultGroup } from '#/services/network/security-groups/default-group.ts';
import { removeSubnetRow } from '#/services/network/subnets/subnet.store.ts';
import { db, type NetworkRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { Problem } from '#/platform/problem/problem.ts';

const attributes: Attributes = {
  ...standardAttributes(),
  admin_state_up: both(boolean, { default: true }),
  status: readOnly(),
  shared: both(boolean, { default: false }),
  subnets: readOnly(),
  'router:external': both(boolean, { default: false }),
  is_default: both(boolean, { default: false }),
  mtu: both(integer(0, 65_535), { default: 0 }),
  port_security_enabled: both(boolean, { default: true }),
  dns_domain: both(dnsDomain, { default: '' }),
  'provider:network_type': postOnly(orNull(text(32)), { default: undefined }),
  'provider:physical_network': postOnly(orNull(text(64)), { default: undefined }),
  'provider:segmentation_id': postOnly(orNull(integer(1, lastSegmentationId)), { default: undefined }),
  availability_zone_hints: postOnly(list(text(255), { max: 10 }), { default: [] }),
  availability_zones: readOnly(),
};

export const networks: Resource<Network> = {
  singular: 'network',
  plural: 'networks',
  path: 'networks',
  attributes,
  allow: {
    create: '(role:admin) or (role:member and project_id:%(project_id)s)',
    get: '(role:admin) or (role:reader and project_id:%(project_id)s) or role:service or True:%(shared)s or True:%(router:external)s or role:advsvc',
    update: '(role:admin) or (role:member and project_id:%(project_id)s)',
    delete: '(role:admin) or (role:member and project_id:%(project_id)s)',
  },
  missing: t.networkNotFound,
  columns: ['id', 'name', 'project_id'],
  list: listNetworks,
  view,
  visible: (row, caller) => row.projectId === caller.projectId || row.shared === 1 || row.external === 1,
  create,
  update,
  remove,
};

export function view(row: Network): Values {
  return {
    ...standardView(row),
    admin_state_up: row.adminStateUp === 1,
    status: 'ACTIVE',
    shared: row.shared === 1,
    subnets: row.subnets,
    'router:external': row.external === 1,
    ...(row.external ? { is_default: row.isDefault === 1 } : {}),
    mtu: row.mtu,
    port_security_enabled: row.portSecurity === 1,
    dns_domain: row.dnsDomain,
    'provider:network_type': row.type,
    'provider:physical_network': row.physicalNetwork,
    'provider:segmentation_id': row.type === 'flat' ? null : row.segmentationId,
    availability_zone_hints: JSON.parse(row.zoneHints) as string[],
    availability_zones: [zone],
  };
}

async function create({ tx }: Ask, values: Values): Promise<Network> {
  const projectId = values['project_id'] as string;
  await checkQuota(tx, 'network', projectId);
  if (projectId) await ensureDefaultGroup(tx, projectId);
  return insertNetwork(tx, values);
}

/** Makes a network of attributes as POST takes them, without asking for quota. */
export async function insertNetwork(tx: Tx, values: Values): Promise<Network> {
  const segment = planSegment({
    type: (values['provider:network_type'] as string | null | undefined) ?? undefined,
    physicalNetwork: values['provider:physical_network'] as string | null | undefined,
    segmentationId: values['provider:segmentation_id'] as number | null | undefined,
  });
  checkZones((values['availability_zone_hints'] as string[] | undefined) ?? []);
  if (
    segment.type === 'flat' &&
    (await db(tx)
      .selectFrom('networks')
      .select('id')
      .where('type', '=', 'flat')
      .where('physicalNetwork', '=', segment.physicalNetwork)
      .executeTakeFirst())
  )
    throw new Problem('conflict', t.flatNetworkInUse, { physicalNetwork: segment.physicalNetwork });
  const asked = segment.segmentationId;
  if (
    asked !== null &&
    (await db(tx).selectFrom('networks').select('id').where('segmentationId', '=', asked).executeTakeFirst())
  )
    throw new Problem('conflict', t.tunnelIdInUse, { id: asked });
  const external = values['router:external'] === true;
  const row: NetworkRow = {
    ...newStandard(tx, values),
    adminStateUp: values['admin_state_up'] === false ? 0 : 1,
    shared: values['shared'] ? 1 : 0,
    external: external ? 1 : 0,
    isDefault: external && values['is_default'] ? 1 : 0,
    type: segment.type,
    physicalNetwork: segment.physicalNetwork,
    segmentationId: asked ?? (await freeSegmentationId(tx)),
    mtu: planMtu(await largestMtu(tx, segment.type), (values['mtu'] as number | undefined) ?? 0),
    portSecurity: values['port_security_enabled'] === false ? 0 : 1,
    dnsDomain: (values['dns_domain'] as string | undefined) ?? '',
    zoneHints: JSON.stringify(values['availability_zone_hints'] ?? []),
    carrier: null,
  };
  await db(tx).insertInto('networks').values(row).execute();
  const carrier = segment.type === 'flat' ? await placeCarrier(tx, row) : null;
  return { ...row, carrier, subnets: [] };
}

async function update({ tx }: Ask, row: Network, values: Values): Promise<Network> {
  if (values['shared'] === false && row.shared) await checkUnshare(tx, row);
  if (values['router:external'] === false && row.external) {
    const gateway = await db(tx)
      .selectFrom('ports')
      .select('id')
      .where('networkId', '=', row.id)
      .where('deviceOwner', 'in', ['network:router_gateway', 'network:floatingip'])
      .executeTakeFirst();
    if (gateway) throw new Problem('conflict', t.externalNetworkInUse, { id: row.id });
  }
  const flag = (name: string, before: number): number => (values[name] === undefined ? before : values[name] ? 1 : 0);
  const external = flag('router:external', row.external);
  const changes = {
    ...touched(tx, row, values),
    adminStateUp: flag('admin_state_up', row.adminStateUp),
    shared: flag('shared', row.shared),
    external,
    isDefault: external ? flag('is_default', row.isDefault) : 0,
    portSecurity: flag('port_security_enabled', row.portSecurity),
    mtu: values['mtu'] === undefined ? row.mtu : planMtu(await largestMtu(tx, row.type), values['mtu'] as number),
    dnsDomain: (values['dns_domain'] as string | undefined) ?? row.dnsDomain,
  };
  await db(tx).updateTable('networks').set(changes).where('id', '=', row.id).execute();
  await replanAll(tx, await hostsOfNetwork(tx, row.id));
  await emit(tx, {
    type: 'network.changed',
    projectId: row.projectId,
    resourceId: row.id,
    payload: { networkId: row.id },
  });
  return { ...row, ...changes };
}

/** @throws Problem conflict when other projects have ports on it */
async function checkUnshare(tx: Tx, row: Network): Promise<void> {
  const foreign = await db(tx)
    .selectFrom('ports')
    .select('id')
    .where('networkId', '=', row.id)
    .where('projectId', 'not in', [row.projectId, ''])
    .executeTakeFirst();
  if (foreign) throw new Problem('conflict', t.invalidSharedSetting, { id: row.id });
}

async function remove({ tx }: Ask, row: Network): Promise<void> {
  await dropIdleFloatingIps(tx, row);
  const ports = await db(tx)
    .selectFrom('ports')
    .select(['id', 'deviceOwner'])
    .where('networkId', '=', row.id)
    .execute();
  const inUse = ports.filter(port => port.deviceOwner !== 'network:dhcp').map(port => port.id);
  if (inUse.length) throw new Problem('conflict', t.networkInUse, { id: row.id, ports: inUse });
  for (const port of ports) await removePort(tx, port.id);
  for (const subnetId of row.subnets) await removeSubnetRow(tx, subnetId);
  await db(tx).deleteFrom('networkRbacPolicies').where('objectId', '=', row.id).execute();
  await db(tx).deleteFrom('networks').where('id', '=', row.id).execute();
}

/** Floating IPs that lead nowhere go with their network. */
async function dropIdleFloatingIps(tx: Tx, row: Network): Promise<void> {
  if (!row.external) return;
  const idle = await db(tx)
    .selectFrom('floatingIps')
    .select(['id', 'holderPortId'])
    .where('networkId', '=', row.id)
    .where('portId', 'is', null)
    .where('routerId', 'is', null)
    .execute();
  for (const { id, holderPortId } of idle) {
    await db(tx).deleteFrom('floatingIps').where('id', '=', id).execute();
    await removePort(tx, holderPortId);
  }
}
