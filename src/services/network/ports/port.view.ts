// A port as the API shows it.

import type { Values } from '#/services/network/attributes/attribute.ts';
import { standardView } from '#/services/network/attributes/standard.ts';
import type { Port } from '#/services/network/ports/port.store.ts';

/** The domain of guests on networks that name none. */
export const defaultDomain = 'openstacklocal.';

export function view(row: Port): Values {
  return {
    ...standardView(row),
    network_id: row.networkId,
    mac_address: row.mac,
    fixed_ips: row.addresses.map(({ subnetId, ip }) => ({ subnet_id: subnetId, ip_address: ip })),
    admin_state_up: row.adminStateUp === 1,
    device_id: row.deviceId,
    device_owner: row.deviceOwner,
    status: row.status,
    security_groups: row.groups,
    port_security_enabled: row.portSecurity === 1,
    allowed_address_pairs: JSON.parse(row.allowedPairs) as unknown[],
    extra_dhcp_opts: JSON.parse(row.dhcpOptions) as unknown[],
    'binding:host_id': row.host ?? '',
    'binding:profile': JSON.parse(row.profile) as unknown,
    'binding:vnic_type': row.vnicType,
    'binding:vif_type': row.host === null ? 'unbound' : 'bridge',
    'binding:vif_details': row.host === null ? {} : { port_filter: true, connectivity: 'l2' },
    dns_name: row.dnsName,
    dns_assignment: row.addresses.map(({ ip }) => assignmentOf(row, ip)),
  };
}

function assignmentOf(row: Port, ip: string): Values {
  const hostname = hostnameOf(row.dnsName, ip);
  return { hostname, ip_address: ip, fqdn: `${hostname}.${row.network.dnsDomain || defaultDomain}` };
}

/** The name under which DNS of the network knows an address. */
export function hostnameOf(dnsName: string, ip: string): string {
  return dnsName || `host-${ip.replaceAll(/[.:]/g, '-')}`;
}
