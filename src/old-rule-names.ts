// Names that OpenStack's services gave to rules before they had several in their place. An operator's file may still use
// them. Source: the deprecated rules in the policies of nova and cinder.

const compute = 'os_compute_api:';

/** Old name → what the rules in its place begin with, or are. */
const successors: Record<string, string[]> = {
  ...Object.fromEntries(
    [
      'os-attach-interfaces',
      'os-baremetal-nodes',
      'os-deferred-delete',
      'os-floating-ips',
      'os-hosts',
      'os-hypervisors',
      'os-instance-usage-audit-log',
      'os-multinic',
      'os-security-groups',
      'os-server-password',
      'os-services',
      'os-tenant-networks',
      'os-volumes',
    ].map(name => [`${compute}${name}`, [`${compute}${name}:`]]),
  ),
  [`${compute}os-instance-actions`]: [`${compute}os-instance-actions:list`, `${compute}os-instance-actions:show`],
  [`${compute}os-networks:view`]: [`${compute}os-networks:list`, `${compute}os-networks:show`],
  [`${compute}os-rescue`]: [`${compute}os-unrescue`],
  [`${compute}os-used-limits`]: [`${compute}limits:other_project`],
  [`${compute}os-flavor-extra-specs:index`]: [`${compute}servers:show:flavor-extra-specs`],
  'group:group_types_manage': ['group:group_types:'],
  'group:group_types_specs': ['group:group_types_specs:'],
  'volume_extension:quota_classes': ['volume_extension:quota_classes:'],
  'volume_extension:types_manage': [
    'volume_extension:type_create',
    'volume_extension:type_update',
    'volume_extension:type_delete',
  ],
  'volume_extension:volume_image_metadata': ['volume_extension:volume_image_metadata:'],
};

/** The older name of a rule, where it has one. */
export function oldNameOf(rule: string): string | undefined {
  const fits = (start: string): boolean => (start.endsWith(':') ? rule.startsWith(start) : rule === start);
  return Object.entries(successors).find(([, starts]) => starts.some(fits))?.[0];
}
