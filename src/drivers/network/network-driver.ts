// Networks, ports, DHCP, routers and filters as one host must have them.

import type { IncomingMessage, ServerResponse } from 'node:http';

export interface HostNetwork {
  key: `network/${string}`;
  networkId: string;
  /** VXLAN network identifier, unique in the cloud; a host without peers builds no tunnel for it. */
  segmentationId: number;
  mtu: number;
  /**
   * A network that reaches the world outside through this host. `hostAddresses` (CIDR) are put on its bridge, so that the
   * machine itself reaches it; `masquerade` hides its subnets behind the machine on the way out; `uplink` puts the host's
   * external interface on the bridge.
   */
  external: { hostAddresses: string[]; masquerade: boolean; uplink?: boolean } | null;
  /** Of the namespace on this host that answers its guests' metadata requests, whatever way they take; null: none does. */
  metadataMac: string | null;
  /** Tunnel end points (addresses) of the other hosts that have ports of this network. */
  peers: { address: string; ports: { mac: string; ips: string[] }[] }[];
}

export interface DhcpSubnet {
  subnetId: string;
  cidr: string;
  gateway: string | null;
  dnsServers: string[];
  hostRoutes: { destination: string; nexthop: string }[];
  /** Whether addresses are handed out; a subnet without DHCP is listed for metadata and RA only. */
  dhcp: boolean;
  ipv6: {
    addressMode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
    raMode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  } | null;
}

export interface DhcpLease {
  portId: string;
  mac: string;
  ips: string[];
  hostname: string;
  /** Neutron's extra_dhcp_opts: name (`bootfile-name`, `mtu`, …) or number. */
  options: { name: string; value: string; ipVersion: 4 | 6 }[];
}

/** DHCP and metadata for one network: a namespace with one interface on its bridge. Metadata is for this host's guests. */
export interface HostDhcp {
  key: `dhcp/${string}`;
  networkId: string;
  portId: string;
  mac: string;
  /** Metadata alone: other hosts hand out the addresses. Nothing of it may leave the host. */
  local: boolean;
  /** Addresses of the DHCP port, with prefix length. */
  addresses: string[];
  mtu: number;
  domain: string;
  subnets: DhcpSubnet[];
  leases: DhcpLease[];
}

export interface FilterRule {
  direction: 'ingress' | 'egress';
  family: 4 | 6;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a number as text, or null for all. */
  protocol: string | null;
  /** Port range, or ICMP type (min) and code (max). */
  min: number | null;
  max: number | null;
  /** A CIDR, or the addresses of a security group's members; null for everywhere. */
  remote: { cidr: string } | { group: `security-group/${string}` } | null;
}

export interface HostPort {
  key: `port/${string}`;
  portId: string;
  networkId: string;
  /** `tap` + first 11 characters of the port id. */
  tap: string;
  mac: string;
  ips: string[];
  allowedAddressPairs: { mac: string; cidr: string }[];
  /** False: neither anti-spoofing nor security groups. */
  portSecurity: boolean;
  adminUp: boolean;
  rules: FilterRule[];
  /** Names the guest that metadata requests from this port are about. */
  serverId: string | null;
}

/** Addresses of a security group's members anywhere, for rules with a remote group. */
export interface HostGroup {
  key: `security-group/${string}`;
  addresses: string[];
}

export interface RouterPort {
  portId: string;
  networkId: string;
  mac: string;
  /** With prefix length. */
  addresses: string[];
  mtu: number;
}

export interface HostRouter {
  key: `router/${string}`;
  routerId: string;
  adminUp: boolean;
  /**
   * Absent: on this host alone. Otherwise it is on others too, all but one of which stand by; they hear one another (VRRP) at
   * `port`, under a number (1 to 255) that is unique on its network.
   */
  ha?: { virtualRouterId: number; port: RouterPort };
  interfaces: RouterPort[];
  gateway: (RouterPort & { nexthops: string[]; snat: boolean }) | null;
  floatingIps: { id: string; floatingIp: string; fixedIp: string }[];
  portForwardings: {
    id: string;
    externalIp: string;
    externalPort: number;
    protocol: string;
    internalIp: string;
    internalPort: number;
  }[];
  routes: { destination: string; nexthop: string }[];
}

export type NetworkEntry = HostNetwork | HostDhcp | HostPort | HostGroup | HostRouter;

/** Everything that the filters of a host depend on. */
export interface Filters {
  networks: HostNetwork[];
  ports: HostPort[];
  groups: HostGroup[];
}

/** Answers an HTTP request of a guest to 169.254.169.254. `via` is the namespace it arrived in, `address` its source. */
export type MetadataHandler = (
  from: { via: HostDhcp['key'] | HostRouter['key']; address: string },
  request: IncomingMessage,
  response: ServerResponse,
) => void;

/** What a host can do for networks. */
export interface NetworkCapabilities {
  /** Its end of the tunnels to other hosts; null where it has none, as on the only machine of a cloud. */
  tunnelAddress: string | null;
  /** It has an interface of its own on the external network. */
  externalInterface: boolean;
}

/** Keeps the networks of one host. Ensuring what is so, or removing what is gone, succeeds. */
export interface NetworkDriver {
  capabilities(): Promise<NetworkCapabilities>;
  /** What the host holds of ours, of every kind but security groups. */
  list(): Promise<Exclude<NetworkEntry['key'], HostGroup['key']>[]>;
  /** Called once, before all else. */
  restore(): Promise<void>;
  /**
   * Makes the whole host's filters be these, in one atomic step, and ends the flows that they no longer allow.
   * Always called before a port of the plan is ensured, so that no tap is ever up without its filter.
   */
  ensureFilters(filters: Filters): Promise<void>;
  ensure(entry: Exclude<NetworkEntry, HostGroup>): Promise<void>;
  remove(key: Exclude<NetworkEntry['key'], HostGroup['key']>): Promise<void>;
  onMetadata(handler: MetadataHandler): void;
  /** Called when dnsmasq of a network dies by itself; the driver has already started it again when it could. */
  onFailure(listener: (key: NetworkEntry['key'], reason: string) => void): void;
  /** Called when this host becomes, or ceases to be, the one that works for a highly available router. */
  onRouterState(listener: (routerId: string, state: 'active' | 'standby') => void): void;
  /** Bytes and packets of a port, for diagnostics. */
  counters(portId: string): Promise<Record<string, number>>;
  /** Lets go of everything without touching the networks. */
  close(): Promise<void>;
}
