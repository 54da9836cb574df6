// The tables of the network service, as rows. Booleans are 0 and 1, lists and maps are JSON.

import type { Tx } from '#/platform/database/tx.ts';

/** What every resource with standard attributes has. */
export interface StandardRow {
  id: string;
  /** Empty for what belongs to no project: floating and gateway ports. */
  projectId: string;
  name: string;
  description: string;
  tags: string;
  revision: number;
  createdAt: string;
  updatedAt: string;
}

export interface NetworkRow extends StandardRow {
  adminStateUp: number;
  shared: number;
  external: number;
  isDefault: number;
  type: string;
  physicalNetwork: string | null;
  /** Unique in the cloud, also where users see none. */
  segmentationId: number;
  mtu: number;
  portSecurity: number;
  dnsDomain: string;
  zoneHints: string;
  /** Of a flat network that no host has an interface for: the host that is its way out. */
  carrier: string | null;
}

export interface SubnetRow extends StandardRow {
  networkId: string;
  version: number;
  cidr: string;
  gateway: string | null;
  enableDhcp: number;
  pools: string;
  dnsServers: string;
  hostRoutes: string;
  serviceTypes: string;
  ipv6AddressMode: string | null;
  ipv6RaMode: string | null;
  subnetPoolId: string | null;
}

export interface PortRow extends StandardRow {
  networkId: string;
  mac: string;
  adminStateUp: number;
  status: string;
  deviceId: string;
  deviceOwner: string;
  /** Where it is bound. */
  host: string | null;
  vnicType: string;
  profile: string;
  portSecurity: number;
  allowedPairs: string;
  dhcpOptions: string;
  dnsName: string;
  /** Its place among the ports of its server. */
  ordinal: number;
  /** Made for a server: deleted when the server lets it go. */
  ownedByServer: number;
}

export interface PortAddressRow {
  portId: string;
  networkId: string;
  subnetId: string;
  ip: string;
  /** Hexadecimal, of fixed length per family: sorts as numbers do. */
  ipKey: string;
  position: number;
}

/** An inactive binding: a host besides `ports.host` on which the port exists while it moves. */
export interface PortBindingRow {
  portId: string;
  networkId: string;
  host: string;
  vnicType: string;
  profile: string;
}

export interface PortSecurityGroupRow {
  portId: string;
  securityGroupId: string;
}

export interface RouterRow extends StandardRow {
  adminStateUp: number;
  host: string | null;
  gatewayPortId: string | null;
  gatewayNetworkId: string | null;
  enableSnat: number;
  routes: string;
  zoneHints: string;
  /** On several hosts; `host` is then the one that works. */
  ha: number;
  /** 1 to 255, unique among the project's. */
  virtualRouterId: number | null;
}

/** A host that has a highly available router. */
export interface RouterHostRow {
  routerId: string;
  host: string;
  /** Its port on the network by which such routers hear one another. */
  portId: string;
  /** `active` or `standby`, as it told. */
  state: string;
}

/** What an operator has decided about one of a host's parts; without a row it is as it comes. */
export interface NetworkAgentRow {
  id: string;
  adminStateUp: number;
  description: string | null;
}

export interface FloatingIpRow extends StandardRow {
  networkId: string;
  ip: string;
  /** The port that holds the address on the external network. */
  holderPortId: string;
  portId: string | null;
  fixedIp: string | null;
  routerId: string | null;
  status: string;
  dnsName: string;
  dnsDomain: string;
}

export interface PortForwardingRow extends StandardRow {
  floatingIpId: string;
  externalPort: number;
  internalPort: number;
  internalIp: string;
  internalPortId: string;
  protocol: string;
}

export interface SecurityGroupRow extends StandardRow {
  stateful: number;
  isDefault: number;
}

export interface SecurityGroupRuleRow extends StandardRow {
  securityGroupId: string;
  direction: string;
  family: number;
  protocol: string | null;
  portMin: number | null;
  portMax: number | null;
  remoteGroupId: string | null;
  remoteAddressGroupId: string | null;
  remoteIpPrefix: string | null;
}

export interface AddressGroupRow extends StandardRow {
  addresses: string;
}

export interface SubnetPoolRow extends StandardRow {
  version: number;
  prefixes: string;
  minPrefix: number;
  maxPrefix: number;
  defaultPrefix: number;
  defaultQuota: number | null;
  shared: number;
  isDefault: number;
}

export interface RbacPolicyRow {
  id: string;
  projectId: string;
  objectType: string;
  objectId: string;
  action: string;
  target: string;
}

export interface QuotaRow {
  projectId: string;
  resource: string;
  quota: number;
}

export type NetworkTables = {
  networks: NetworkRow;
  subnets: SubnetRow;
  ports: PortRow;
  portAddresses: PortAddressRow;
  portBindings: PortBindingRow;
  portSecurityGroups: PortSecurityGroupRow;
  routers: RouterRow;
  floatingIps: FloatingIpRow;
  portForwardings: PortForwardingRow;
  securityGroups: SecurityGroupRow;
  securityGroupRules: SecurityGroupRuleRow;
  addressGroups: AddressGroupRow;
  subnetPools: SubnetPoolRow;
  networkRbacPolicies: RbacPolicyRow;
  networkQuotas: QuotaRow;
  networkAgents: NetworkAgentRow;
  routerHosts: RouterHostRow;
  /** The networks by which highly available routers hear one another, of projects that have some. */
  haNetworks: { projectId: string; networkId: string };
};

/** The transaction, over this service's tables. */
export function db(tx: Tx) {
  return tx.withTables<NetworkTables>();
}
