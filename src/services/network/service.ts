// The network service (Neutron): networks, subnets, ports, routers, floating IPs, security groups, and the part of every
// host's plan that makes them so.

import { endpointsOf, type Found, type Resource } from '#/services/network/attributes/resource.ts';
import { addressGroupActions, addressGroups } from '#/services/network/address-groups/address-group.api.ts';
import { agentEndpoints, agents } from '#/services/network/agents/agent.api.ts';
import { heal } from '#/services/network/agents/heal.ts';
import { schedulingEndpoints } from '#/services/network/agents/scheduling.api.ts';
import { defaultSettings, type NetworkSettings, networkSettings } from '#/services/network/settings.ts';
import { followDeletedProjects } from '#/services/network/deleted-projects.ts';
import { extensionEndpoints } from '#/services/network/discovery/extension.api.ts';
import { versionEndpoints } from '#/services/network/discovery/version.api.ts';
import { envelope } from '#/services/network/envelope.ts';
import { floatingIps } from '#/services/network/floating-ips/floating-ip.api.ts';
import { portForwardingEndpoints } from '#/services/network/floating-ips/port-forwarding.api.ts';
import { onHostEvent } from '#/services/network/host-events.ts';
import { networksMigration } from '#/services/network/migrations/0001-networks.ts';
import { routersMigration } from '#/services/network/migrations/0002-routers.ts';
import { portBindingsMigration } from '#/services/network/migrations/0003-port-bindings.ts';
import { networkAgentsMigration } from '#/services/network/migrations/0004-network-agents.ts';
import { carriersMigration } from '#/services/network/migrations/0005-carriers.ts';
import { haRoutersMigration } from '#/services/network/migrations/0006-ha-routers.ts';
import { ipAvailabilities } from '#/services/network/networks/ip-availability.api.ts';
import { networks } from '#/services/network/networks/network.api.ts';
import { planHostNetworks } from '#/services/network/plan.ts';
import { bindingEndpoints } from '#/services/network/ports/port-binding.api.ts';
import { ports } from '#/services/network/ports/port.api.ts';
import { quotaEndpoints } from '#/services/network/quotas/quota.api.ts';
import { rbacPolicies } from '#/services/network/rbac/rbac-policy.api.ts';
import { routerActions } from '#/services/network/routers/router-interface.api.ts';
import { routers } from '#/services/network/routers/router.api.ts';
import { attributeRules } from '#/services/network/rules.ts';
import { seedNetworks } from '#/services/network/seed.ts';
import { securityGroupRules } from '#/services/network/security-groups/security-group-rule.api.ts';
import { securityGroups } from '#/services/network/security-groups/security-group.api.ts';
import { subnetPools } from '#/services/network/subnet-pools/subnet-pool.api.ts';
import { subnets } from '#/services/network/subnets/subnet.api.ts';
import { tagEndpoints } from '#/services/network/tags/tag.api.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import { db } from '#/services/network/tables.ts';
import type { Service } from '#/platform/http/service.ts';

const of = <F extends Found>(resource: Resource<F>): Endpoint[] => endpointsOf(resource, attributeRules);

export const networkService = (settings: NetworkSettings = defaultSettings): Service => ({
  name: 'network',
  type: 'network',
  catalogName: 'neutron',
  catalogPath: '',
  endpoints: [
    ...versionEndpoints,
    ...extensionEndpoints,
    ...of(networks),
    ...of(subnets),
    ...of(ports),
    ...bindingEndpoints,
    ...of(routers),
    ...routerActions,
    ...of(floatingIps),
    ...of(securityGroups),
    ...of(securityGroupRules),
    ...of(subnetPools),
    ...of(addressGroups),
    ...addressGroupActions,
    ...of(rbacPolicies),
    ...portForwardingEndpoints,
    ...of(ipAvailabilities),
    ...of(agents),
    ...agentEndpoints,
    ...schedulingEndpoints,
    ...quotaEndpoints,
    ...tagEndpoints(networks, 'networks'),
    ...tagEndpoints(subnets, 'subnets'),
    ...tagEndpoints(ports, 'ports'),
    ...tagEndpoints(routers, 'routers'),
    ...tagEndpoints(floatingIps, 'floatingIps'),
    ...tagEndpoints(securityGroups, 'securityGroups'),
    ...tagEndpoints(subnetPools, 'subnetPools'),
  ],
  rules: attributeRules,
  envelope,
  statusOf: { overQuota: 409 },
  migrations: [
    networksMigration,
    routersMigration,
    portBindingsMigration,
    networkAgentsMigration,
    carriersMigration,
    haRoutersMigration,
  ],
  planners: [planHostNetworks],
  async counts(tx) {
    const { count } = await db(tx)
      .selectFrom('networks')
      .select(eb => eb.fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return { networks: Number(count) };
  },
  settings: [networkSettings.being(settings)],
  seed: seedNetworks,
  chores: [{ name: 'network.heal', everyMs: 30_000, run: heal }],
  listen: followDeletedProjects,
  onHostEvent,
});
