// Routes and interfaces that a router can have. Pure.

import { contains, overlap, parseAddress, parsePrefix } from '#/services/network/addressing/address.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Route {
  destination: string;
  nexthop: string;
}

export const show = (routes: Route[]): string[] => routes.map(route => `${route.destination} via ${route.nexthop}`);

/** @param own addresses of the router's ports @param cidrs of its subnets @throws Problem invalid for a next hop that it cannot reach */
export function checkRoutes(routes: Route[], cidrs: string[], own: string[]): void {
  const prefixes = cidrs.map(cidr => parsePrefix(cidr)!);
  for (const route of routes) {
    const hop = parseAddress(route.nexthop)!;
    const invalid = (why: string): Problem => new Problem('invalid', t.invalidRoutes, { routes: show([route]), why });
    if (parsePrefix(route.destination)!.version !== hop.version)
      throw invalid('the destination and the next hop are of different IP versions');
    if (!prefixes.some(prefix => contains(prefix, hop))) throw invalid('the nexthop is not connected with router');
    if (own.includes(route.nexthop)) throw invalid('the nexthop is used by router');
  }
}

/** @throws Problem invalid when a new interface's subnet overlaps one that the router has */
export function checkInterface(
  routerId: string,
  subnet: { id: string; cidr: string },
  others: { id: string; cidr: string }[],
): void {
  const bad = (why: string): Problem => new Problem('invalid', t.badRequest, { resource: 'router', why });
  for (const other of others) {
    if (other.id === subnet.id) throw bad(`Router ${routerId} already has a port on subnet ${subnet.id}`);
    if (overlap(parsePrefix(other.cidr)!, parsePrefix(subnet.cidr)!))
      throw bad(`Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.id}`);
  }
}
