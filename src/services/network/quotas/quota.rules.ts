// What projects may have, unless an administrator says otherwise. -1 is without limit.

export const defaultQuotas = {
  network: 100,
  subnet: 100,
  subnetpool: -1,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
  rbac_policy: 10,
  address_group: -1,
};

export type Quotas = typeof defaultQuotas;
export type QuotaResource = keyof Quotas;
export const quotaResources = Object.keys(defaultQuotas) as QuotaResource[];

/** The table whose rows count. */
export const countedTable = {
  network: 'networks',
  subnet: 'subnets',
  subnetpool: 'subnetPools',
  port: 'ports',
  router: 'routers',
  floatingip: 'floatingIps',
  security_group: 'securityGroups',
  security_group_rule: 'securityGroupRules',
  rbac_policy: 'networkRbacPolicies',
  address_group: 'addressGroups',
} as const satisfies Record<QuotaResource, string>;
