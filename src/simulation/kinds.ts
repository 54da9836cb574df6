// What users have, by kind: where each is listed, and in which order all of it is deleted.

export interface KindFacts {
  list: string;
  /** The part of the list's answer. */
  part: string;
  /** What names it in its path; by default its id. */
  by?: string;
}

/** In the order in which they can be deleted. */
const kinds = {
  server: { list: '/compute/v2.1/servers', part: 'servers' },
  floatingip: { list: '/network/v2.0/floatingips', part: 'floatingips' },
  transfer: { list: '/volume/v3/{project}/volume-transfers', part: 'transfers' },
  attachment: { list: '/volume/v3/{project}/attachments', part: 'attachments' },
  snapshot: { list: '/volume/v3/{project}/snapshots', part: 'snapshots' },
  volume: { list: '/volume/v3/{project}/volumes', part: 'volumes' },
  port: { list: '/network/v2.0/ports', part: 'ports' },
  router: { list: '/network/v2.0/routers', part: 'routers' },
  subnet: { list: '/network/v2.0/subnets', part: 'subnets' },
  network: { list: '/network/v2.0/networks', part: 'networks' },
  subnetpool: { list: '/network/v2.0/subnetpools', part: 'subnetpools' },
  security_group: { list: '/network/v2.0/security-groups', part: 'security_groups' },
  address_group: { list: '/network/v2.0/address-groups', part: 'address_groups' },
  image: { list: '/image/v2/images', part: 'images' },
  keypair: { list: '/compute/v2.1/os-keypairs', part: 'keypairs', by: 'name' },
  server_group: { list: '/compute/v2.1/os-server-groups', part: 'server_groups' },
} as const satisfies Record<string, KindFacts>;

export type Kind = keyof typeof kinds;

export const kindFacts: Record<Kind, KindFacts> = kinds;
export const inOrderOfDeletion = Object.keys(kinds) as Kind[];

/** Where one of a kind is read and deleted. */
export function pathOfKind(kind: Kind, id: string): string {
  return `${kindFacts[kind].list}/${id}`;
}
