// A flavor as the wire shows it, by microversion.

import { type Microversion, type RequestFacts, since } from '#/platform/http/endpoint.ts';
import { any, array, as, open, string } from '#/platform/http/schema.ts';
import type { Flavor } from '#/services/compute/flavors/flavor.store.ts';
import { linksTo } from '#/services/compute/wire.ts';

export const flavorSchema = open({ id: string(), name: string(), links: array(as<object>(any())) });

export function flavorBrief(flavor: Flavor, request: RequestFacts, version: Microversion): Record<string, unknown> {
  const { id, name, description } = flavor;
  const brief: Record<string, unknown> = { id, name, links: linksTo(request, `flavors/${encodeURIComponent(id)}`) };
  if (since(version, '2.55')) brief['description'] = description;
  return brief;
}

/** @param withSpecs whether the caller may see extra specs */
export function flavorView(
  flavor: Flavor,
  request: RequestFacts,
  version: Microversion,
  withSpecs: boolean,
): Record<string, unknown> {
  const view: Record<string, unknown> = {
    ...flavorBrief(flavor, request, version),
    ram: flavor.memoryMib,
    disk: flavor.diskGib,
    vcpus: flavor.vcpus,
    swap: flavor.swapMib || (since(version, '2.75') ? 0 : ''),
    rxtx_factor: flavor.rxtxFactor,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGib,
    'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': flavor.isPublic,
  };
  if (withSpecs && since(version, '2.61')) view['extra_specs'] = flavor.extraSpecs;
  return view;
}
