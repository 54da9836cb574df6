// Policy rules that endpoints do not name but attributes do: who may send them, who may see them.
// Neutron's `field:networks:shared=True` is written here as a check on the same attribute of the target.

const admin = 'role:admin';
const member = '(role:admin) or (role:member and project_id:%(project_id)s)';
const networkOwner = '(role:admin) or (role:service) or role:member and project_id:%(network:project_id)s';
const networkOwnerOrShared = `${networkOwner} or True:%(network:shared)s`;
const service = '(role:admin) or (role:service)';
const pairs = '(role:admin) or (role:member and project_id:%(network:project_id)s) or role:service';
const device = `not True:%(network_device)s or ${networkOwner}`;

const subnetOwner =
  'role:member and project_id:%(project_id)s or (role:admin) or (role:member and project_id:%(network:project_id)s)';
const reader = '(role:admin) or (role:reader and project_id:%(project_id)s)';

const notForAll = "role:admin or (not '*':%(target_tenant)s and not '*':%(target_project)s)";

/** Tags have rules of their own on every resource: those of the resource, but for a few. */
const tagRules: Record<string, string> = {
  ...Object.fromEntries(
    ['network', 'router', 'floatingip', 'security_group', 'subnetpool'].flatMap(name => [
      [`create_${name}:tags`, member],
      [`get_${name}:tags`, reader],
      [`update_${name}:tags`, member],
      [`delete_${name}:tags`, member],
    ]),
  ),
  'get_network:tags': `${reader} or True:%(shared)s or True:%(router:external)s or role:advsvc`,
  'get_security_group:tags': `${reader} or True:%(shared)s`,
  'get_subnetpool:tags': `${reader} or True:%(shared)s`,
  'create_subnet:tags': subnetOwner,
  'get_subnet:tags':
    'role:reader and project_id:%(project_id)s or True:%(network:shared)s or True:%(router:external)s or (role:admin) or (role:reader and project_id:%(network:project_id)s)',
  'update_subnet:tags': subnetOwner,
  'delete_subnet:tags': subnetOwner,
  'create_port:tags': `${member} or role:advsvc`,
  'get_port:tags':
    'role:advsvc or (role:admin) or (role:reader and project_id:%(network:project_id)s) or role:reader and project_id:%(project_id)s',
  'update_port:tags': `${member} or role:advsvc`,
  'delete_port:tags':
    'role:advsvc or role:member and project_id:%(project_id)s or (role:admin) or (role:member and project_id:%(network:project_id)s)',
};

export const attributeRules: Record<string, string> = {
  ...tagRules,
  context_is_admin: admin,
  admin_only: admin,
  // Lists tell of every project's, as far as the rule of each lets them be seen.
  context_with_global_access: '!',

  'create_network:shared': admin,
  'create_network:router:external': admin,
  'create_network:is_default': admin,
  'create_network:port_security_enabled': member,
  'create_network:provider:network_type': admin,
  'create_network:provider:physical_network': admin,
  'create_network:provider:segmentation_id': admin,
  'get_network:provider:network_type': admin,
  'get_network:provider:physical_network': admin,
  'get_network:provider:segmentation_id': admin,
  'update_network:shared': admin,
  'update_network:router:external': admin,
  'update_network:is_default': admin,
  'update_network:port_security_enabled': member,

  'create_subnet:service_types': admin,
  'update_subnet:service_types': admin,
  'create_subnetpool:shared': admin,
  'create_subnetpool:is_default': admin,
  'update_subnetpool:is_default': admin,

  'create_port:device_id': `${member} or role:service`,
  'create_port:device_owner': device,
  'create_port:mac_address': networkOwner,
  'create_port:fixed_ips': networkOwnerOrShared,
  'create_port:fixed_ips:ip_address': networkOwner,
  'create_port:fixed_ips:subnet_id': networkOwnerOrShared,
  'create_port:port_security_enabled': networkOwner,
  'create_port:binding:host_id': service,
  'create_port:binding:profile': 'role:service',
  'create_port:binding:vnic_type': `${member} or role:service`,
  'create_port:allowed_address_pairs': pairs,
  'create_port:allowed_address_pairs:mac_address': pairs,
  'create_port:allowed_address_pairs:ip_address': pairs,
  'get_port:binding:vif_type': service,
  'get_port:binding:vif_details': service,
  'get_port:binding:host_id': service,
  'get_port:binding:profile': service,
  'update_port:device_id': `${member} or role:service`,
  'update_port:device_owner': device,
  'update_port:mac_address': '(role:admin) or (role:service) or role:manager and project_id:%(network:project_id)s',
  'update_port:fixed_ips': networkOwner,
  'update_port:fixed_ips:ip_address': networkOwner,
  'update_port:fixed_ips:subnet_id': networkOwnerOrShared,
  'update_port:port_security_enabled': networkOwner,
  'update_port:binding:host_id': service,
  'update_port:binding:profile': 'role:service',
  'update_port:binding:vnic_type': '(role:admin) or (role:service) or role:member and project_id:%(project_id)s',
  'update_port:allowed_address_pairs': pairs,
  'update_port:allowed_address_pairs:mac_address': pairs,
  'update_port:allowed_address_pairs:ip_address': pairs,

  'create_router:ha': admin,
  'get_router:ha': admin,
  'update_router:ha': admin,
  'create_router:external_gateway_info': member,
  'create_router:external_gateway_info:network_id': member,
  'create_router:external_gateway_info:enable_snat': admin,
  'create_router:external_gateway_info:external_fixed_ips': admin,
  'update_router:external_gateway_info': member,
  'update_router:external_gateway_info:network_id': member,
  'update_router:external_gateway_info:enable_snat': admin,
  'update_router:external_gateway_info:external_fixed_ips': admin,

  'create_rbac_policy:target_tenant': notForAll,
  'create_rbac_policy:target_project': "role:admin or not '*':%(target_project)s",
  'update_rbac_policy:target_tenant': notForAll,
  'update_rbac_policy:target_project': "role:admin or not '*':%(target_project)s",

  'create_floatingip:floating_ip_address': '(role:admin) or (role:manager and project_id:%(project_id)s)',
};
