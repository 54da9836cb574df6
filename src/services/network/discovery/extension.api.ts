// What of Neutron's API is here beyond its core, as clients ask for it: GET /v2.0/extensions.

import { networkTexts as t } from '#/services/network/texts.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { array, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** Alias → name and the date of its definition. Only what works is listed. */
const extensions: Record<string, [name: string, updated: string]> = {
  'address-group': ['Address group', '2020-07-15T10:00:00-00:00'],
  agent: ['agent', '2013-02-03T10:00:00-00:00'],
  'allowed-address-pairs': ['Allowed Address Pairs', '2013-07-23T10:00:00-00:00'],
  availability_zone: ['Availability Zone', '2015-01-01T10:00:00-00:00'],
  binding: ['Port Binding', '2014-02-03T10:00:00-00:00'],
  'binding-extended': ['Port Bindings Extended', '2017-07-17T10:00:00-00:00'],
  'default-subnetpools': ['Default Subnetpools', '2016-02-18T18:00:00-00:00'],
  dhcp_agent_scheduler: ['DHCP Agent Scheduler', '2013-02-07T10:00:00-00:00'],
  'dns-integration': ['DNS Integration', '2015-08-15T18:00:00-00:00'],
  'empty-string-filtering': ['Empty String Filtering Extension', '2018-05-01T10:00:00-00:00'],
  'expose-port-forwarding-in-fip': ['Expose Floating IP port forwardings', '2018-06-28T16:00:00-00:00'],
  'ext-gw-mode': ['Neutron L3 Configurable external gateway mode', '2013-03-28T10:00:00-00:00'],
  'external-net': ['Neutron external network', '2013-01-14T10:00:00-00:00'],
  extra_dhcp_opt: ['Neutron Extra DHCP options', '2013-03-17T12:00:00-00:00'],
  extraroute: ['Neutron Extra Route', '2013-02-01T10:00:00-00:00'],
  'extraroute-atomic': ['Atomically add/remove extra routes', '2019-07-10T00:00:00+00:00'],
  'filter-validation': ['Filter parameters validation', '2018-07-04T10:00:00-00:00'],
  'fip-port-details': ['Floating IP Port Details Extension', '2018-04-09T10:00:00-00:00'],
  'floating-ip-port-forwarding': ['Floating IP Port Forwarding', '2018-01-19T10:00:00-00:00'],
  'floating-ip-port-forwarding-description': [
    'Floating IP Port Forwarding new attribute description',
    '2019-11-01T10:00:00-00:00',
  ],
  'ip-substring-filtering': ['IP address substring filtering', '2017-11-28T09:00:00-00:00'],
  'l3-ha': ['HA Router extension', '2014-04-26T00:00:00-00:00'],
  l3_agent_scheduler: ['L3 Agent Scheduler', '2013-02-07T10:00:00-00:00'],
  'net-mtu': ['Network MTU', '2015-03-25T10:00:00-00:00'],
  'net-mtu-writable': ['Network MTU (writable)', '2017-07-12T00:00:00-00:00'],
  'network-ip-availability': ['Network IP Availability', '2015-09-24T00:00:00-00:00'],
  network_availability_zone: ['Network Availability Zone', '2015-01-01T10:00:00-00:00'],
  pagination: ['Pagination support', '2016-06-12T00:00:00-00:00'],
  'port-security': ['Port Security', '2012-07-23T10:00:00-00:00'],
  'port-security-groups-filtering': ['Port filtering on security groups', '2018-01-09T09:00:00-00:00'],
  'project-id': ['project_id field enabled', '2016-09-09T09:09:09-09:09'],
  provider: ['Provider Network', '2012-09-07T10:00:00-00:00'],
  quota_details: ['Quota details management support', ''],
  quotas: ['Quota management support', ''],
  'rbac-policies': ['RBAC Policies', ''],
  'rbac-security-groups': ['Add security_group type to network RBAC', '2019-02-14T00:00:00-00:00'],
  'revision-if-match': ['If-Match constraints based on revision_number', '2016-12-11T00:00:00-00:00'],
  router: ['Neutron L3 Router', '2012-07-20T10:00:00-00:00'],
  router_availability_zone: ['Router Availability Zone', '2015-01-01T10:00:00-00:00'],
  'security-group': ['security-group', ''],
  'security-groups-normalized-cidr': ['Normalized CIDR field for security group rules', '2020-07-28T10:00:00-00:00'],
  'security-groups-remote-address-group': [
    'Remote address group id field for security group rules',
    '2020-08-25T10:00:00-00:00',
  ],
  'security-groups-rules-belongs-to-default-sg': [
    "Security group rule belongs to the project's default security group",
    '2023-05-23T10:00:00-00:00',
  ],
  'security-groups-shared-filtering': ['Security group filtering on the shared field', '2021-10-05T09:00:00-00:00'],
  'service-type': ['Neutron Service Type Management', '2013-01-20T00:00:00-00:00'],
  'sort-key-validation': ['Sort keys validation', '2018-07-04T10:00:00-00:00'],
  sorting: ['Sorting support', '2016-06-12T00:00:00-00:00'],
  'standard-attr-description': ['standard-attr-description', ''],
  'standard-attr-revisions': ['Resource revision numbers', ''],
  'standard-attr-tag': ['Tag support for resources with standard attribute:', ''],
  'standard-attr-timestamp': ['Resource timestamps', ''],
  'stateful-security-group': ['Stateful security group', '2019-11-26T09:00:00-00:00'],
  'subnet-external-network': ['Subnet belongs to an external network', '2024-02-05T18:00:00-00:00'],
  'subnet-service-types': ['Subnet service types', '2016-03-15T18:00:00-00:00'],
  subnet_allocation: ['Subnet Allocation', ''],
  'tag-creation': ['Tag creation extension', '2024-23-07T10:00:00-00:00'],
  'tag-ports-during-bulk-creation': ['Tag Ports During Bulk Creation', '2019-12-29T19:00:00-00:00'],
};

const view = object({
  alias: string(),
  name: string(),
  description: string(),
  updated: string(),
  links: array(object({})),
});

function toView(alias: string) {
  const [name, updated] = extensions[alias]!;
  return { alias, name, description: name, updated, links: [] };
}

const list = endpoint({
  policy: 'haneul:get_extension',
  allow: '@',
  route: 'GET /v2.0/extensions',
  replies: { 200: object({ extensions: array(view) }) },
  handle: async () => ({ 200: { extensions: Object.keys(extensions).map(toView) } }),
});

const show = endpoint({
  policy: 'haneul:get_extension',
  route: 'GET /v2.0/extensions/{alias}',
  replies: { 200: object({ extension: view }) },
  handle: async ({ path: { alias = '' } }) => {
    if (!Object.hasOwn(extensions, alias))
      throw new Problem('notFound', t.extensionNotFound, { alias: alias.slice(0, 80) });
    return { 200: { extension: toView(alias) } };
  },
});

export const extensionEndpoints = [list, show];
