// Floating IPs: external addresses that lead to a port. API: Network v2.0, "Floating IPs".

import { replanRouter } from '#/services/network/affected.ts';
import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { dnsDomain, dnsName, ipAddress, orNull, uuid } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { associate, type Association } from '#/services/network/floating-ips/associate.ts';
import { type FloatingIp, floatingIpById, listFloatingIps } from '#/services/network/floating-ips/floating-ip.store.ts';
import { usableNetwork } from '#/services/network/networks/network.store.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import type { Port } from '#/services/network/ports/port.store.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db, type FloatingIpRow, type NetworkRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

const attributes: Attributes = {
  ...standardAttributes({ name: false }),
  floating_network_id: postOnly(uuid),
  floating_ip_address: postOnly(orNull(ipAddress), { default: null }),
  subnet_id: postOnly(orNull(uuid), { default: null, hidden: true }),
  port_id: both(orNull(uuid), { default: null }),
  fixed_ip_address: both(orNull(ipAddress), { default: null }),
  router_id: readOnly(),
  status: readOnly(),
  port_details: readOnly(),
  port_forwardings: readOnly(),
  dns_name: postOnly(dnsName, { default: '' }),
  dns_domain: postOnly(dnsDomain, { default: '' }),
};

const owner = '(role:admin) or (role:member and project_id:%(project_id)s)';

export const floatingIps: Resource<FloatingIp> = {
  singular: 'floatingip',
  plural: 'floatingips',
  path: 'floatingips',
  attributes,
  allow: {
    create: owner,
    get: '(role:admin) or (role:reader and project_id:%(project_id)s)',
    update: owner,
    delete: owner,
  },
  missing: t.floatingIPNotFound,
  columns: ['id', 'project_id', 'port_id', 'floating_ip_address', 'floating_network_id', 'router_id'],
  list: listFloatingIps,
  view,
  create,
  update,
  remove,
};

function view(row: FloatingIp): Values {
  return {
    ...standardView(row, { name: false }),
    floating_network_id: row.networkId,
    floating_ip_address: row.ip,
    port_id: row.portId,
    fixed_ip_address: row.fixedIp,
    router_id: row.routerId,
    status: row.status,
    port_details: row.port && {
      name: row.port.name,
      network_id: row.port.networkId,
      mac_address: row.port.mac,
      admin_state_up: row.port.adminStateUp === 1,
      status: row.port.status,
      device_id: row.port.deviceId,
      device_owner: row.port.deviceOwner,
    },
    port_forwardings: row.forwardings.map(one => ({
      external_port: one.externalPort,
      internal_port: one.internalPort,
      internal_ip_address: one.internalIp,
      protocol: one.protocol,
    })),
    dns_name: row.dnsName,
    dns_domain: row.dnsDomain,
  };
}

const none = { portId: null, fixedIp: null, routerId: null };

async function create({ tx, caller }: Ask, values: Values): Promise<FloatingIp> {
  const networkId = values['floating_network_id'] as string;
  const network = await usableNetwork(tx, networkId, caller);
  if (!network.external)
    throw new Problem('invalid', t.badRequest, {
      resource: 'floatingip',
      why: `Network ${networkId} is not a valid external network`,
    });
  await checkQuota(tx, 'floatingip', values['project_id'] as string);
  const standard = newStandard(tx, values);
  const holder = await holdAddress(tx, network, standard.id, values);
  const ip = holder.addresses.find(address => !address.ip.includes(':'))!.ip;
  const association = await askedAssociation({ tx, caller }, { id: null, ip, networkId }, values, null);
  const row: FloatingIpRow = {
    ...standard,
    networkId,
    ip,
    holderPortId: holder.id,
    ...(association ?? none),
    status: 'DOWN',
    dnsName: values['dns_name'] as string,
    dnsDomain: values['dns_domain'] as string,
  };
  await db(tx).insertInto('floatingIps').values(row).execute();
  if (row.routerId) await replanRouter(tx, row.routerId);
  return (await floatingIpById(tx, row.id))!;
}

/** The port that keeps the address from being given to others. @throws Problem conflict when there is none left */
async function holdAddress(tx: Tx, network: NetworkRow, floatingIpId: string, values: Values): Promise<Port> {
  const ip = values['floating_ip_address'] as string | null;
  const subnetId = values['subnet_id'] as string | null;
  const v4 = (await subnetsOfNetwork(tx, network.id)).filter(subnet => subnet.version === 4);
  if (!v4.length)
    throw new Problem('invalid', t.badRequest, {
      resource: 'floatingip',
      why: `Network ${network.id} does not contain any IPv4 subnet`,
    });
  const draft = {
    network,
    projectId: '',
    deviceId: floatingIpId,
    deviceOwner: 'network:floatingip',
    portSecurity: false,
  };
  if (ip !== null || subnetId !== null)
    return makePort(tx, {
      ...draft,
      fixedIps: [{ ...(ip === null ? {} : { ip_address: ip }), ...(subnetId === null ? {} : { subnet_id: subnetId }) }],
    });
  for (const subnet of v4) {
    try {
      return await makePort(tx, { ...draft, fixedIps: [{ subnet_id: subnet.id }] });
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.text !== t.ipAddressGenerationFailure) throw thrown;
    }
  }
  throw new Problem('conflict', t.externalIpAddressExhausted, { network: network.id });
}

async function askedAssociation(
  { tx, caller }: Pick<Ask, 'tx' | 'caller'>,
  floating: { id: string | null; ip: string; networkId: string },
  values: Values,
  before: string | null,
): Promise<Association | null> {
  const portId = values['port_id'] === undefined ? before : (values['port_id'] as string | null);
  const fixedIp = (values['fixed_ip_address'] as string | null | undefined) ?? null;
  if (portId === null && fixedIp !== null)
    throw new Problem('invalid', t.badRequest, {
      resource: 'floatingip',
      why: 'fixed_ip_address cannot be specified without a port_id',
    });
  return portId === null ? null : associate(tx, caller, floating, { portId, fixedIp });
}

async function update({ tx, caller }: Ask, row: FloatingIp, values: Values): Promise<FloatingIp> {
  // A body that names neither leaves the association; one with a null port, or an empty one, ends it.
  const named = values['port_id'] !== undefined || values['fixed_ip_address'] !== undefined;
  let changes: Partial<FloatingIpRow> = touched(tx, row, values);
  if (named || !Object.keys(values).length) {
    if (values['port_id'] && row.forwardings.length)
      throw new Problem('conflict', t.fipInUseByPortForwarding, { ip: row.ip });
    const association = named ? await askedAssociation({ tx, caller }, row, values, row.portId) : null;
    const same =
      association &&
      association.portId === row.portId &&
      association.fixedIp === row.fixedIp &&
      association.routerId === row.routerId;
    changes = { ...changes, ...(association ?? none), status: same ? row.status : 'DOWN' };
  }
  await db(tx).updateTable('floatingIps').set(changes).where('id', '=', row.id).execute();
  for (const routerId of new Set([row.routerId, changes.routerId])) if (routerId) await replanRouter(tx, routerId);
  return (await floatingIpById(tx, row.id))!;
}

async function remove({ tx }: Ask, row: FloatingIp): Promise<void> {
  if (row.routerId) await replanRouter(tx, row.routerId);
  await db(tx).deleteFrom('portForwardings').where('floatingIpId', '=', row.id).execute();
  await db(tx).deleteFrom('floatingIps').where('id', '=', row.id).execute();
  await removePort(tx, row.holderPortId);
}
