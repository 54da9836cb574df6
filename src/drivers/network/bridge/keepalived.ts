// What keepalived is told about a highly available router, as text: which addresses and routes the host that works has, and
// by what the hosts hear one another. Every value is parsed before it is written.

import { isIPv6 } from 'node:net';
import type { HostRouter } from '../network-driver.ts';
import { holds, linkLocalOf, parseAddress, parseCidr, parseInterface, show } from './addresses.ts';
import { checkedMac, gatewayPortOf, haPortOf, routerPortOf } from './names.ts';
import { translatedAddresses } from './router.nft.ts';

export type HaRouter = HostRouter & { ha: NonNullable<HostRouter['ha']> };

/** How often the host that works says so; after three times as long the others take over. */
const advertSeconds = 0.5;

/** @param directory where the configuration and the state are */
export function keepalivedConfig(router: HaRouter, directory: string): string {
  const device = haPortOf(router.ha.port.portId);
  const notes = (['master', 'backup', 'fault', 'stop'] as const).map(
    event => `  notify_${event} "/bin/ln -sfn ${event === 'master' ? 'active' : 'standby'} ${directory}/state"`,
  );
  return [
    'global_defs {',
    `  router_id ${router.routerId}`,
    '  script_user root',
    '  enable_script_security',
    '  vrrp_version 3',
    '}',
    'vrrp_instance router {',
    '  state BACKUP',
    `  interface ${device}`,
    `  virtual_router_id ${router.ha.virtualRouterId}`,
    '  priority 50',
    `  advert_int ${advertSeconds}`,
    '  nopreempt',
    '  garp_master_delay 1',
    '  garp_master_refresh 30',
    '  virtual_ipaddress {',
    `    169.254.0.${router.ha.virtualRouterId}/24 dev ${device}`,
    '  }',
    ...block('virtual_ipaddress_excluded', addressesOf(router)),
    ...block('virtual_routes', routesOf(router)),
    ...notes,
    '}',
    '',
  ].join('\n');
}

function block(name: string, lines: string[]): string[] {
  return lines.length ? [`  ${name} {`, ...lines.map(line => `    ${line}`), '  }'] : [];
}

/** Those of its interfaces, with the link-local ones: two hosts have the same MAC addresses, one alone may answer. */
function addressesOf(router: HaRouter): string[] {
  if (!router.adminUp) return [];
  const inner = router.interfaces.map(port => ({ port, device: routerPortOf(port.portId), extra: [] as string[] }));
  const outer = router.gateway
    ? [
        {
          port: router.gateway,
          device: gatewayPortOf(router.gateway.portId),
          extra: translatedAddresses(router).map(address => `${address}/32`),
        },
      ]
    : [];
  return [...inner, ...outer].flatMap(({ port, device, extra }) => {
    const own = port.addresses.map(parseInterface).filter(address => address !== null);
    const shown = own.map(({ address, prefix }) => `${address}/${prefix}`);
    const more = extra.filter(address => !own.some(one => one.address === address.split('/')[0]));
    const local = own.some(address => address.family === 6)
      ? [`${linkLocalOf(checkedMac(router.key, port.mac))}/64`]
      : [];
    return [...shown, ...more, ...local].map(
      address => `${address} dev ${device}${local.includes(address) ? ' scope link' : ''}`,
    );
  });
}

function routesOf(router: HaRouter): string[] {
  if (!router.adminUp) return [];
  const lines: string[] = [];
  const reached = [...router.interfaces, ...(router.gateway ? [router.gateway] : [])].flatMap(port =>
    port.addresses.map(parseCidr).filter(cidr => cidr !== null),
  );
  for (const nexthop of router.gateway?.nexthops ?? []) {
    const via = parseAddress(nexthop);
    if (!via) continue;
    const onlink = reached.some(cidr => holds(cidr, parseCidr(via.address)!)) ? '' : ' onlink';
    lines.push(
      `${isIPv6(via.address) ? '::/0' : '0.0.0.0/0'} via ${via.address} dev ${gatewayPortOf(router.gateway!.portId)}${onlink}`,
    );
  }
  for (const route of router.routes) {
    const destination = parseCidr(route.destination);
    const nexthop = parseCidr(route.nexthop);
    if (!destination || !nexthop || destination.family !== nexthop.family) continue;
    if (reached.some(cidr => holds(cidr, nexthop)))
      lines.push(`${destination.address}/${destination.prefix} via ${show(nexthop)}`);
  }
  return lines;
}
