// Routers: what joins subnets with each other and with the world. API: Network v2.0, "Routers".

import { replanRouter } from '#/services/network/affected.ts';
import {
  type Attributes,
  both,
  postOnly,
  putOnly,
  readOnly,
  type Values,
} from '#/services/network/attributes/attribute.ts';
import { boolean, fixedIps, hostRoutes, list, map, orNull, text, uuid } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { checkZones, zone } from '#/services/network/networks/network.rules.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { bindHaPorts, freeVirtualRouterId, gatherRouter } from '#/services/network/routers/ha-router.ts';
import { chooseHost, placeRouter, setRouterHost, settleByGateway } from '#/services/network/routers/place-router.ts';
import { type GatewayAsk, setGateway } from '#/services/network/routers/router-gateway.ts';
import { checkRoutes, type Route } from '#/services/network/routers/router.rules.ts';
import { interfacesOf, listRouters, needRouter, type Router } from '#/services/network/routers/router.store.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { db, type RouterRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

const gatewayInfo = map<GatewayAsk>({ network_id: uuid, enable_snat: boolean, external_fixed_ips: fixedIps }, [
  'network_id',
]);
/** An empty map, like null, takes the gateway away. */
const gateway = (value: unknown): GatewayAsk | null =>
  value === null || (typeof value === 'object' && !Object.keys(value).length) ? null : gatewayInfo(value);

const attributes: Attributes = {
  ...standardAttributes(),
  admin_state_up: both(boolean, { default: true }),
  status: readOnly(),
  external_gateway_info: both(gateway, { default: null }),
  routes: putOnly(hostRoutes, { default: undefined }),
  availability_zone_hints: postOnly(list(text(255), { max: 10 }), { default: [] }),
  availability_zones: readOnly(),
  ha: both(orNull(boolean), { default: undefined }),
};

export const routers: Resource<Router> = {
  singular: 'router',
  plural: 'routers',
  path: 'routers',
  attributes,
  allow: {
    create: '(role:admin) or (role:member and project_id:%(project_id)s)',
    get: '(role:admin) or (role:reader and project_id:%(project_id)s)',
    update: '(role:admin) or (role:member and project_id:%(project_id)s)',
    delete: '(role:admin) or (role:member and project_id:%(project_id)s)',
  },
  missing: t.routerNotFound,
  columns: ['id', 'name', 'project_id'],
  list: listRouters,
  view,
  create: async ({ tx, caller }, values) => {
    await checkQuota(tx, 'router', values['project_id'] as string);
    return insertRouter(tx, values, caller);
  },
  update,
  remove,
};

export function view(row: Router): Values {
  return {
    ...standardView(row),
    admin_state_up: row.adminStateUp === 1,
    status: 'ACTIVE',
    external_gateway_info:
      row.gatewayNetworkId === null
        ? null
        : { network_id: row.gatewayNetworkId, enable_snat: row.enableSnat === 1, external_fixed_ips: row.gatewayIps },
    routes: JSON.parse(row.routes) as Route[],
    availability_zone_hints: JSON.parse(row.zoneHints) as string[],
    availability_zones: row.host === null ? [] : [zone],
    ha: row.ha === 1,
  };
}

/** Makes a router of attributes as POST takes them, without asking for quota. */
export async function insertRouter(
  tx: Tx,
  values: Values,
  caller: Pick<Caller, 'projectId' | 'isAdmin'>,
): Promise<Router> {
  checkZones((values['availability_zone_hints'] as string[] | undefined) ?? []);
  const ha = (values['ha'] as boolean | null | undefined) ?? networkSettings.of(tx).l3Ha;
  const row: RouterRow = {
    ...newStandard(tx, values),
    adminStateUp: values['admin_state_up'] === false ? 0 : 1,
    host: ha ? null : await chooseHost(tx),
    gatewayPortId: null,
    gatewayNetworkId: null,
    enableSnat: 1,
    routes: '[]',
    zoneHints: JSON.stringify(values['availability_zone_hints'] ?? []),
    ha: ha ? 1 : 0,
    virtualRouterId: null,
  };
  if (ha) row.virtualRouterId = await freeVirtualRouterId(tx, row);
  await db(tx).insertInto('routers').values(row).execute();
  const ask = values['external_gateway_info'] as GatewayAsk | null | undefined;
  if (ask) {
    await db(tx)
      .updateTable('routers')
      .set(await setGateway(tx, row, ask, caller))
      .where('id', '=', row.id)
      .execute();
    await settleByGateway(tx, row.id);
  }
  if (ha) await placeRouter(tx, row.id);
  await replanRouter(tx, row.id);
  return needRouter(tx, row.id);
}

async function update({ tx, caller }: Ask, row: Router, values: Values): Promise<Router> {
  const ha = (values['ha'] as boolean | null | undefined) ?? row.ha === 1;
  if (ha !== (row.ha === 1)) await changeHa(tx, row, ha, values['admin_state_up']);
  const gatewayColumns =
    values['external_gateway_info'] === undefined
      ? {}
      : await setGateway(tx, row, values['external_gateway_info'] as GatewayAsk | null, caller);
  await db(tx)
    .updateTable('routers')
    .set({
      ...touched(tx, row, values),
      ...gatewayColumns,
      ...(values['admin_state_up'] === undefined ? {} : { adminStateUp: values['admin_state_up'] ? 1 : 0 }),
    })
    .where('id', '=', row.id)
    .execute();
  if (values['routes']) await setRoutes(tx, row.id, values['routes'] as Route[]);
  await settleByGateway(tx, row.id);
  if (ha) {
    await placeRouter(tx, row.id);
    await bindHaPorts(tx, row.id);
  }
  await replanRouter(tx, row.id);
  return needRouter(tx, row.id);
}

/** @throws Problem invalid for a router that is up: it would stop in between */
async function changeHa(tx: Tx, row: Router, ha: boolean, adminStateUp: unknown): Promise<void> {
  if (row.adminStateUp && adminStateUp !== false)
    throw new Problem('invalid', t.badRequest, {
      resource: 'router',
      why: 'Cannot change HA attribute of active routers. Please set router admin_state_up to False prior to upgrade',
    });
  if (!ha) {
    await gatherRouter(tx, row);
    return placeRouter(tx, row.id);
  }
  await setRouterHost(tx, row.id, null);
  const virtualRouterId = await freeVirtualRouterId(tx, row);
  await db(tx).updateTable('routers').set({ ha: 1, virtualRouterId }).where('id', '=', row.id).execute();
}

/** @throws Problem invalid for a next hop out of reach */
export async function setRoutes(tx: Tx, routerId: string, routes: Route[]): Promise<void> {
  const rows = await db(tx)
    .selectFrom('ports')
    .innerJoin('portAddresses', 'portAddresses.portId', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'portAddresses.subnetId')
    .select(['subnets.cidr', 'portAddresses.ip'])
    .where('ports.deviceId', '=', routerId)
    .where('ports.deviceOwner', 'in', ['network:router_interface', 'network:router_gateway'])
    .execute();
  checkRoutes(
    routes,
    rows.map(one => one.cidr),
    rows.map(one => one.ip),
  );
  await db(tx)
    .updateTable('routers')
    .set({ routes: JSON.stringify(routes) })
    .where('id', '=', routerId)
    .execute();
}

async function remove({ tx, caller }: Ask, row: Router): Promise<void> {
  if ((await interfacesOf(tx, row.id)).length) throw new Problem('conflict', t.routerInUse, { id: row.id });
  await setGateway(tx, row, null, caller);
  await replanRouter(tx, row.id);
  if (row.ha) await gatherRouter(tx, row);
  await db(tx).deleteFrom('routers').where('id', '=', row.id).execute();
}
