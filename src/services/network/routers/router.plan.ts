// Routers of a host: interfaces, gateway, floating IPs, routes. Rows in, entries out.

import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { Port } from '#/services/network/ports/port.store.ts';
import type { HostRouter, RouterPort } from '#/drivers/network/network-driver.ts';

type Rows = Pick<PlanRows, 'routers' | 'routerPorts' | 'networks' | 'subnets' | 'floatingIps' | 'portForwardings'>;

export function planRouters(rows: Rows): HostRouter[] {
  const { routers, routerPorts, subnets, floatingIps, portForwardings } = rows;
  return routers.map(router => {
    const own = routerPorts.filter(port => port.deviceId === router.id && port.adminStateUp);
    const gateway = own.find(port => port.deviceOwner === 'network:router_gateway');
    const heard = own.find(port => port.deviceOwner === 'network:router_ha_interface');
    const nexthops = gateway
      ? gateway.addresses.flatMap(({ subnetId }) => subnets.find(subnet => subnet.id === subnetId)?.gateway ?? [])
      : [];
    const floating = floatingIps.filter(one => one.routerId === router.id);
    const outer = new Map(floating.map(one => [one.id, one.ip]));
    return {
      key: `router/${router.id}`,
      routerId: router.id,
      adminUp: router.adminStateUp === 1,
      ...(router.ha && heard && router.virtualRouterId !== null
        ? { ha: { virtualRouterId: router.virtualRouterId, port: toRouterPort(heard, rows) } }
        : {}),
      interfaces: own
        .filter(port => port.deviceOwner === 'network:router_interface')
        .map(port => toRouterPort(port, rows)),
      gateway: gateway
        ? { ...toRouterPort(gateway, rows), nexthops: [...new Set(nexthops)], snat: router.enableSnat === 1 }
        : null,
      floatingIps: floating.flatMap(({ id, ip, fixedIp }) =>
        fixedIp === null ? [] : [{ id, floatingIp: ip, fixedIp }],
      ),
      portForwardings: portForwardings.flatMap(
        ({ id, floatingIpId, externalPort, protocol, internalIp, internalPort }) => {
          const externalIp = outer.get(floatingIpId);
          return externalIp === undefined ? [] : [{ id, externalIp, externalPort, protocol, internalIp, internalPort }];
        },
      ),
      routes: JSON.parse(router.routes) as HostRouter['routes'],
    };
  });
}

function toRouterPort(port: Port, { networks, subnets }: Pick<Rows, 'networks' | 'subnets'>): RouterPort {
  return {
    portId: port.id,
    networkId: port.networkId,
    mac: port.mac,
    addresses: port.addresses.map(
      ({ ip, subnetId }) => `${ip}/${subnets.find(subnet => subnet.id === subnetId)!.cidr.split('/')[1]}`,
    ),
    mtu: networks.find(network => network.id === port.networkId)!.mtu,
  };
}
