// The table of ports, their addresses and security groups, and its queries.

import type { Assigned } from '#/services/network/addressing/allocate.ts';
import type { ListScope } from '#/services/network/attributes/resource.ts';
import { db, type NetworkRow, type PortAddressRow, type PortRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { contextOf, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Port extends PortRow {
  addresses: PortAddressRow[];
  groups: string[];
  network: Pick<NetworkRow, 'projectId' | 'shared' | 'name' | 'dnsDomain'>;
}

/** The ports that a project may know of: its own, and all of its networks. One query per table. */
export async function listPorts(tx: Tx, scope: ListScope): Promise<Port[]> {
  const { id, network_id, device_id, name, project_id, mac_address, device_owner } = scope.only;
  let query = db(tx).selectFrom('ports').selectAll('ports');
  if (!scope.all) {
    const own = db(tx).selectFrom('networks').select('networks.id').where('networks.projectId', '=', scope.projectId);
    query = query.where(eb => eb.or([eb('ports.projectId', '=', scope.projectId), eb('ports.networkId', 'in', own)]));
  }
  if (id) query = query.where('ports.id', 'in', id);
  if (network_id) query = query.where('ports.networkId', 'in', network_id);
  if (device_id) query = query.where('ports.deviceId', 'in', device_id);
  if (name) query = query.where('ports.name', 'in', name);
  if (project_id) query = query.where('ports.projectId', 'in', project_id);
  if (mac_address) query = query.where('ports.mac', 'in', mac_address);
  if (device_owner) query = query.where('ports.deviceOwner', 'in', device_owner);
  return withParts(tx, await query.execute());
}

/** Above this many ports, their parts are read whole rather than by id. */
const listedIds = 500;

export async function withParts(tx: Tx, rows: PortRow[]): Promise<Port[]> {
  if (!rows.length) return [];
  const ids = rows.map(row => row.id);
  let addressQuery = db(tx).selectFrom('portAddresses').selectAll().orderBy('position');
  let groupQuery = db(tx).selectFrom('portSecurityGroups').selectAll().orderBy('securityGroupId');
  if (ids.length <= listedIds) {
    addressQuery = addressQuery.where('portId', 'in', ids);
    groupQuery = groupQuery.where('portId', 'in', ids);
  }
  const addresses = Map.groupBy(await addressQuery.execute(), row => row.portId);
  const groups = Map.groupBy(await groupQuery.execute(), row => row.portId);
  const networkIds = [...new Set(rows.map(row => row.networkId))];
  const networks = new Map(
    (
      await db(tx)
        .selectFrom('networks')
        .select(['id', 'projectId', 'shared', 'name', 'dnsDomain'])
        .where('id', 'in', networkIds)
        .execute()
    ).map(row => [row.id, row]),
  );
  return rows.map(row => ({
    ...row,
    addresses: addresses.get(row.id) ?? [],
    groups: (groups.get(row.id) ?? []).map(group => group.securityGroupId),
    network: networks.get(row.networkId)!,
  }));
}

export async function portById(tx: Tx, id: string): Promise<Port | undefined> {
  const row = await db(tx).selectFrom('ports').selectAll().where('id', '=', id).executeTakeFirst();
  return row && (await withParts(tx, [row]))[0];
}

/** @throws Problem notFound */
export async function needPort(tx: Tx, id: string): Promise<Port> {
  const port = await portById(tx, id);
  if (!port) throw new Problem('notFound', t.portNotFound, { id: id.slice(0, 80) });
  return port;
}

/** Writes a port with its parts. */
export async function insertPort(tx: Tx, row: PortRow, addresses: Assigned[], groups: string[]): Promise<void> {
  await db(tx).insertInto('ports').values(row).execute();
  await insertAddresses(tx, row, addresses);
  await insertGroups(tx, row.id, groups);
}

export async function replaceAddresses(
  tx: Tx,
  row: Pick<PortRow, 'id' | 'networkId'>,
  addresses: Assigned[],
): Promise<void> {
  await db(tx).deleteFrom('portAddresses').where('portId', '=', row.id).execute();
  await insertAddresses(tx, row, addresses);
}

export async function replaceGroups(tx: Tx, portId: string, groups: string[]): Promise<void> {
  await db(tx).deleteFrom('portSecurityGroups').where('portId', '=', portId).execute();
  await insertGroups(tx, portId, groups);
}

async function insertAddresses(tx: Tx, row: Pick<PortRow, 'id' | 'networkId'>, addresses: Assigned[]): Promise<void> {
  if (!addresses.length) return;
  await db(tx)
    .insertInto('portAddresses')
    .values(
      addresses.map(({ subnetId, ip, ipKey }, position) => ({
        portId: row.id,
        networkId: row.networkId,
        subnetId,
        ip,
        ipKey,
        position,
      })),
    )
    .execute();
}

async function insertGroups(tx: Tx, portId: string, groups: string[]): Promise<void> {
  if (!groups.length) return;
  await db(tx)
    .insertInto('portSecurityGroups')
    .values(groups.map(securityGroupId => ({ portId, securityGroupId })))
    .execute();
}

const macTries = 16;

/** A MAC address that no port of the network has. @throws Problem unavailable */
export async function freeMac(tx: Tx, networkId: string): Promise<string> {
  for (let tried = 0; tried < macTries; tried++) {
    const hex = contextOf(tx).random.bytes(3).toString('hex');
    const mac = `fa:16:3e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
    if (!(await macTaken(tx, networkId, mac))) return mac;
  }
  throw new Problem('unavailable', t.macAddressGenerationFailure, { network: networkId });
}

export async function macTaken(tx: Tx, networkId: string, mac: string): Promise<boolean> {
  return (
    (await db(tx)
      .selectFrom('ports')
      .select('id')
      .where('networkId', '=', networkId)
      .where('mac', '=', mac)
      .executeTakeFirst()) !== undefined
  );
}
