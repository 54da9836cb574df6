// How many addresses networks have and use. API: Network v2.0, "Network IP availability".

import { rangesOf, sizeOf, type Pool } from '#/services/network/addressing/pools.rules.ts';
import { readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import type { ListScope, Resource } from '#/services/network/attributes/resource.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';

interface Availability {
  id: string;
  projectId: string;
  name: string;
  subnets: { id: string; name: string; cidr: string; version: number; total: bigint; used: number }[];
}

export const ipAvailabilities: Resource<Availability> = {
  singular: 'network_ip_availability',
  plural: 'network_ip_availabilities',
  path: 'network-ip-availabilities',
  attributes: {
    ...Object.fromEntries(
      [
        'id',
        'network_id',
        'network_name',
        'project_id',
        'tenant_id',
        'total_ips',
        'used_ips',
        'subnet_ip_availability',
      ].map(name => [name, readOnly()]),
    ),
    ip_version: { ...readOnly(), hidden: true },
  },
  allow: { get: '(role:admin) or (role:service)' },
  openList: true,
  missing: t.networkNotFound,
  columns: ['network_id', 'network_name', 'project_id'],
  filters: {
    ip_version: (view, wanted) =>
      (view['subnet_ip_availability'] as Values[]).some(subnet => wanted.includes(String(subnet['ip_version']))),
  },
  list,
  view,
};

async function list(tx: Tx, { only }: ListScope): Promise<Availability[]> {
  let networks = db(tx).selectFrom('networks').select(['id', 'name', 'projectId']);
  const ids = only['id'] ?? only['network_id'];
  if (ids) networks = networks.where('id', 'in', ids);
  const rows = await networks.execute();
  const subnets = Map.groupBy(
    await db(tx).selectFrom('subnets').select(['id', 'name', 'cidr', 'version', 'pools', 'networkId']).execute(),
    subnet => subnet.networkId,
  );
  const used = new Map(
    (
      await db(tx)
        .selectFrom('portAddresses')
        .select(eb => ['subnetId', eb.fn.countAll<number | string>().as('count')])
        .groupBy('subnetId')
        .execute()
    ).map(row => [row.subnetId, Number(row.count)]),
  );
  return rows.map(network => ({
    ...network,
    subnets: (subnets.get(network.id) ?? []).map(({ id, name, cidr, version, pools }) => ({
      id,
      name,
      cidr,
      version,
      total: sizeOf(rangesOf(JSON.parse(pools) as Pool[])),
      used: used.get(id) ?? 0,
    })),
  }));
}

function view({ id, projectId, name, subnets }: Availability): Values {
  return {
    id,
    network_id: id,
    network_name: name,
    project_id: projectId,
    tenant_id: projectId,
    total_ips: Number(subnets.reduce((sum, subnet) => sum + subnet.total, 0n)),
    used_ips: subnets.reduce((sum, subnet) => sum + subnet.used, 0),
    subnet_ip_availability: subnets.map(subnet => ({
      subnet_id: subnet.id,
      subnet_name: subnet.name,
      cidr: subnet.cidr,
      ip_version: subnet.version,
      total_ips: Number(subnet.total),
      used_ips: subnet.used,
    })),
  };
}
