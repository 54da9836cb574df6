// What the caller's project may have and has. API: Compute, "Limits".

import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, as, object } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone } from '#/services/compute/allow.ts';
import { limitsOf, type Use, useOf } from '#/services/compute/quotas/quota.store.ts';
import { t } from '#/services/compute/texts.ts';
import { one } from '#/services/compute/wire.ts';

const otherRule = 'os_compute_api:limits:other_project';

const show = endpoint({
  policy: 'os_compute_api:limits',
  allow: anyone,
  route: 'GET /v2.1/limits',
  replies: { 200: object({ limits: as<object>(any()) }) },
  async handle({ tx, query, caller, policy, version }) {
    const other = one(query, 'tenant_id');
    if (
      other !== undefined &&
      other !== caller.projectId &&
      !policy.allows(otherRule, caller.credentials, { project_id: other })
    )
      throw new Problem('forbidden', t.needsRule, { rule: otherRule });
    const projectId = other ?? caller.projectId ?? '';
    const limits = await limitsOf(tx, projectId);
    return { 200: { limits: { rate: [], absolute: absolute(limits, await useOf(tx, projectId), version) } } };
  },
});

function absolute(limits: Record<string, number>, use: Use, version: Microversion): Record<string, number> {
  const names: Record<string, number | undefined> = {
    maxTotalInstances: limits['instances'],
    maxTotalCores: limits['cores'],
    maxTotalRAMSize: limits['ram'],
    maxTotalKeypairs: limits['key_pairs'],
    maxServerMeta: limits['metadata_items'],
    maxServerGroups: limits['server_groups'],
    maxServerGroupMembers: limits['server_group_members'],
    totalInstancesUsed: use.instances,
    totalCoresUsed: use.cores,
    totalRAMUsed: use.ram,
    totalServerGroupsUsed: use.server_groups,
  };
  if (!since(version, '2.57'))
    Object.assign(names, {
      maxPersonality: limits['injected_files'],
      maxPersonalitySize: limits['injected_file_content_bytes'],
    });
  if (!since(version, '2.39')) names['maxImageMeta'] = limits['metadata_items'];
  if (!since(version, '2.36'))
    Object.assign(names, {
      maxTotalFloatingIps: limits['floating_ips'],
      maxSecurityGroups: limits['security_groups'],
      maxSecurityGroupRules: limits['security_group_rules'],
      totalFloatingIpsUsed: 0,
      totalSecurityGroupsUsed: 0,
    });
  return names as Record<string, number>;
}

export const limitEndpoints = [show];
export const limitRules = { [otherRule]: admin };
