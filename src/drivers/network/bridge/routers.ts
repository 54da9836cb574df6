// A router: a namespace with a veth pair to each of its networks, and address translation in it.

import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { writeWhole } from '#/platform/files/write-whole.ts';
import type { HostRouter, RouterPort } from '../network-driver.ts';
import { holds, parseAddress, parseCidr, parseInterface, show } from './addresses.ts';
import {
  ensureDirectory,
  ensureNamespace,
  type Host,
  inside,
  type Link,
  linksIn,
  readIfThere,
  removeNamespace,
  setInside,
} from './host.ts';
import { aliasOf, gatewayPortOf, haPortOf, namespaceOf, partsOf, routerLinkOf, routerPortOf } from './names.ts';
import { routerScript, routerSignature, translatedAddresses } from './router.nft.ts';
import { ensureVeth } from './veth.ts';
import { ensureVrrp, removeVrrp } from './vrrp.ts';

export async function ensureRouter(host: Host, router: HostRouter): Promise<void> {
  const { id } = partsOf(router.key);
  const namespace = namespaceOf(host.cloud, 'router', id);
  await ensureNamespace(host, namespace);
  await setInside(host, namespace, {
    'net.ipv4.ip_forward': 1,
    'net.ipv4.conf.all.send_redirects': 0,
    'net.ipv4.conf.default.send_redirects': 0,
    'net.ipv6.conf.all.forwarding': 1,
    'net.ipv6.conf.default.accept_ra': 0,
  });
  // Translation first: nothing leaves with an inner address in between.
  await ensureTranslation(host, router, namespace);
  const present = (await linksIn(host, namespace)) ?? new Map<string, Link>();
  await removeStaleLinks(host, router, namespace, present);
  const { ha } = router;
  const addressesOf = (port: RouterPort): string[] | null => (ha ? null : shownAddresses(port));
  for (const port of router.interfaces)
    await ensureRouterVeth(host, router, namespace, port, routerPortOf(port.portId), addressesOf(port), present);
  if (ha)
    await ensureRouterVeth(
      host,
      router,
      namespace,
      ha.port,
      haPortOf(ha.port.portId),
      shownAddresses(ha.port),
      present,
    );
  if (router.gateway) {
    const device = gatewayPortOf(router.gateway.portId);
    const extra = translatedAddresses(router).map(address => `${address}/32`);
    const wanted = [...new Set([...shownAddresses(router.gateway), ...extra])];
    await ensureRouterVeth(host, router, namespace, router.gateway, device, ha ? null : wanted, present);
    if (router.adminUp && !ha) announce(host, namespace, device, wanted, present.get(device));
  }
  if (ha) await ensureVrrp(host, { ...router, ha }, id, namespace);
  else {
    await removeVrrp(host, id);
    if (router.adminUp) await ensureRoutes(host, router, namespace);
  }
  await settleFlows(host, router, namespace, id);
}

function shownAddresses(port: RouterPort): string[] {
  return port.addresses
    .map(parseInterface)
    .filter(address => address !== null)
    .map(({ address, prefix }) => `${address}/${prefix}`);
}

async function ensureRouterVeth(
  host: Host,
  router: HostRouter,
  namespace: string,
  port: RouterPort,
  device: string,
  addresses: string[] | null,
  present: Map<string, Link>,
): Promise<void> {
  await ensureVeth(
    host,
    {
      key: router.key,
      networkId: port.networkId,
      namespace,
      outside: routerLinkOf(port.portId),
      inside: device,
      mac: port.mac,
      mtu: port.mtu,
      addresses,
      up: router.adminUp || port === router.ha?.port,
    },
    present,
  );
}

async function removeStaleLinks(
  host: Host,
  router: HostRouter,
  namespace: string,
  present: Map<string, Link>,
): Promise<void> {
  const wanted = new Set(router.interfaces.map(port => routerPortOf(port.portId)));
  if (router.gateway) wanted.add(gatewayPortOf(router.gateway.portId));
  if (router.ha) wanted.add(haPortOf(router.ha.port.portId));
  const stale = [...present.keys()].filter(name => /^(q[rg]|ha)-/.test(name) && !wanted.has(name));
  await host.ip(
    stale.map(name => `link del dev ${name}`),
    namespace,
  );
}

/** Tells the neighbours of addresses that are new here. Nobody waits for it. */
function announce(host: Host, namespace: string, device: string, wanted: string[], before: Link | undefined): void {
  const known = new Set((before?.addr_info ?? []).map(({ local }) => local));
  for (const entry of wanted) {
    const address = entry.split('/')[0]!;
    if (known.has(address) || address.includes(':')) continue;
    host.tools
      .run(inside(namespace, ['arping', '-U', '-c', '2', '-w', '3', '-I', device, address]), { allow: [1] })
      .catch(cause => host.tools.log.warn({ namespace, address, cause: String(cause) }, 'address not announced'));
  }
}

async function ensureTranslation(host: Host, router: HostRouter, namespace: string): Promise<void> {
  const script = routerScript(router);
  const ask = inside(namespace, ['nft', '-t', 'list', 'chain', 'ip', 'haneul', routerSignature(script)]);
  const { status } = await host.tools.run(ask, { allow: [1] });
  if (status !== 0) await host.tools.run(inside(namespace, ['nft', '-f', '-']), { input: script });
}

interface Route {
  dst: string;
  gateway?: string;
  dev?: string;
  protocol?: string;
}

/** Routes of ours are `static`; those of the kernel are left alone. */
async function ensureRoutes(host: Host, router: HostRouter, namespace: string): Promise<void> {
  for (const family of [4, 6] as const) {
    const wanted = routesOf(router, family);
    const { stdout } = await host.tools.run(['ip', '-n', namespace, '-j', `-${family}`, 'route', 'show']);
    const present = (JSON.parse(stdout || '[]') as Route[]).filter(route => route.protocol === 'static');
    const commands = present
      .filter(route => !wanted.has(normal(route.dst, family)))
      .map(route => `-${family} route del ${route.dst} proto static`);
    for (const [destination, { via, device }] of wanted) {
      if (
        present.some(
          route => normal(route.dst, family) === destination && parseAddress(route.gateway ?? '')?.address === via,
        )
      )
        continue;
      const how = device ? ` dev ${device} onlink` : '';
      commands.push(`-${family} route replace ${destination} via ${via}${how} proto static`);
    }
    for (const command of commands) await host.tools.run(['ip', '-n', namespace, ...command.split(' ')]);
  }
}

function normal(destination: string, family: 4 | 6): string {
  const cidr = destination === 'default' ? null : parseCidr(destination);
  return cidr ? `${cidr.address}/${cidr.prefix}` : family === 4 ? '0.0.0.0/0' : '::/0';
}

/** Destination → next hop. Routes whose next hop no interface reaches are left out: they could not be set. */
function routesOf(router: HostRouter, family: 4 | 6): Map<string, { via: string; device: string | null }> {
  const routes = new Map<string, { via: string; device: string | null }>();
  for (const nexthop of router.gateway?.nexthops ?? []) {
    const via = parseAddress(nexthop);
    if (via?.family === family)
      routes.set(normal('default', family), { via: via.address, device: gatewayPortOf(router.gateway!.portId) });
  }
  const reached = [...router.interfaces, ...(router.gateway ? [router.gateway] : [])]
    .flatMap(port => port.addresses.map(parseCidr))
    .filter(cidr => cidr !== null);
  for (const route of router.routes) {
    const destination = parseCidr(route.destination);
    const nexthop = parseCidr(route.nexthop);
    if (destination?.family !== family || nexthop?.family !== family) continue;
    if (reached.some(cidr => holds(cidr, nexthop)))
      routes.set(`${destination.address}/${destination.prefix}`, { via: show(nexthop), device: null });
  }
  return routes;
}

/** Ends the flows of translations that are no more. What is translated now is kept in a file for the next comparison. */
async function settleFlows(host: Host, router: HostRouter, namespace: string, id: string): Promise<void> {
  const file = flowsFile(host, id);
  const text = JSON.stringify(translations(router));
  const before = await readIfThere(file);
  if (before === text) return;
  const lost = readPairs(before).filter(pair => !translations(router).includes(pair));
  for (const address of new Set(lost.map(pair => pair.split(' ')[0]!)))
    for (const side of ['--orig-dst', '--reply-dst'])
      await host.tools.run(inside(namespace, ['conntrack', '-D', side, address]), { allow: [1] });
  await ensureDirectory(join(host.directory, 'routers'), 0o700);
  await writeWhole(file, text);
}

function readPairs(text: string | null): string[] {
  try {
    return JSON.parse(text ?? '[]') as string[];
  } catch {
    return [];
  }
}

function flowsFile(host: Host, id: string): string {
  return join(host.directory, 'routers', `${id}.json`);
}

/** Each translation as text that begins with its outer address. */
function translations(router: HostRouter): string[] {
  const own = router.gateway?.addresses.map(parseInterface).find(address => address?.family === 4)?.address;
  return [
    ...router.floatingIps.map(f => `${parseAddress(f.floatingIp)?.address} ${f.fixedIp}`),
    ...router.portForwardings.map(
      f => `${parseAddress(f.externalIp)?.address} ${f.protocol} ${f.externalPort} ${f.internalIp} ${f.internalPort}`,
    ),
    ...(own && router.gateway?.snat ? [`${own} snat`] : []),
  ].sort();
}

export async function removeRouter(host: Host, id: string): Promise<void> {
  await removeVrrp(host, id);
  const alias = aliasOf(host.cloud, `router/${id}`);
  const own = [...(await host.links()).values()].filter(link => link.ifalias === alias);
  await host.ip(own.map(link => `link del dev ${link.ifname}`));
  await removeNamespace(host, namespaceOf(host.cloud, 'router', id));
  await rm(flowsFile(host, id), { force: true });
}
