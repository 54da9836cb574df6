// Which networks can be made: types, segments, MTU. Pure.

import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** The physical network that reaches the world through the host. */
export const externalPhysicalNetwork = 'public';
export const zone = 'nova';

/** What a tunnel adds to a packet, by the family between the hosts: Ethernet, VXLAN, UDP and IP headers, in bytes. */
export const tunnelBytes = { 4: 50, 6: 70 } as const;

export interface Segment {
  type: 'vxlan' | 'flat';
  physicalNetwork: string | null;
  segmentationId: number | null;
}

/** What provider attributes ask for. @throws Problem invalid when this cloud has no such network */
export function planSegment(ask: {
  type?: string;
  physicalNetwork?: string | null;
  segmentationId?: number | null;
}): Segment {
  const { type = 'vxlan', physicalNetwork = null, segmentationId = null } = ask;
  const refuse = (attribute: string, why: string) => new Problem('invalid', t.invalidInput, { attribute, why });
  if (ask.type === undefined && (physicalNetwork !== null || segmentationId !== null))
    throw refuse('provider:network_type', 'provider:network_type is required');
  if (type === 'flat') {
    if (physicalNetwork !== externalPhysicalNetwork)
      throw refuse(
        'provider:physical_network',
        `physical_network '${String(physicalNetwork).slice(0, 64)}' unknown for flat provider network`,
      );
    if (segmentationId !== null) throw refuse('provider:segmentation_id', 'segmentation_id specified for flat network');
    return { type, physicalNetwork, segmentationId: null };
  }
  if (type !== 'vxlan')
    throw refuse('provider:network_type', `network_type value '${type.slice(0, 32)}' not supported`);
  if (physicalNetwork !== null)
    throw refuse('provider:physical_network', 'physical_network specified for a vxlan network');
  return { type, physicalNetwork: null, segmentationId };
}

/** @param largest that fits between the hosts @throws Problem invalid when frames would not fit */
export function planMtu(largest: number, asked: number): number {
  if (asked === 0) return largest;
  if (asked > largest)
    throw new Problem('invalid', t.invalidInput, {
      attribute: 'mtu',
      why: `Requested MTU is too big, maximum is ${largest}`,
    });
  if (asked < 68)
    throw new Problem('invalid', t.invalidInput, {
      attribute: 'mtu',
      why: 'Requested MTU is too small, minimum is 68',
    });
  return asked;
}

/** @throws Problem notFound for a zone that does not exist */
export function checkZones(hints: string[]): void {
  const unknown = hints.find(hint => hint !== zone);
  if (unknown !== undefined) throw new Problem('notFound', t.availabilityZoneNotFound, { zone: unknown.slice(0, 80) });
}
