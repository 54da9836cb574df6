// What operators see of the hosts: agents and availability zones. API: Network v2.0, "Agents", "Availability zones".

import { type Agent, type AgentKind, listAgents } from '#/services/network/agents/agent.store.ts';
import { heal } from '#/services/network/agents/heal.ts';
import { putOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { boolean, orNull, text } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { array, object, string } from '#/platform/http/schema.ts';
import { zone } from '#/services/network/networks/network.rules.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

const names: Record<AgentKind, { type: string; binary: string; topic: string; zone: string | null }> = {
  bridge: { type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent', topic: 'N/A', zone: null },
  dhcp: { type: 'DHCP agent', binary: 'neutron-dhcp-agent', topic: 'dhcp_agent', zone },
  l3: { type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', zone },
  metadata: { type: 'Metadata agent', binary: 'neutron-metadata-agent', topic: 'N/A', zone: null },
};

export const agents: Resource<Agent> = {
  singular: 'agent',
  plural: 'agents',
  path: 'agents',
  attributes: {
    ...Object.fromEntries(
      [
        'id',
        'agent_type',
        'binary',
        'topic',
        'host',
        'created_at',
        'started_at',
        'heartbeat_timestamp',
        'alive',
        'configurations',
        'availability_zone',
        'resources_synced',
      ].map(name => [name, readOnly()]),
    ),
    admin_state_up: putOnly(boolean, { default: undefined }),
    description: putOnly(orNull(text(255)), { default: undefined }),
  },
  allow: { get: 'role:admin', update: 'role:admin' },
  openList: true,
  missing: t.agentNotFound,
  async list(tx, { only }) {
    const all = await listAgents(tx);
    return only['id'] ? all.filter(agent => only['id']!.includes(agent.id)) : all;
  },
  view,
  update,
};

/** An agent that is set aside gives up what it carries, where another can take it. */
async function update({ tx }: Ask, agent: Agent, values: Values): Promise<Agent> {
  const next = {
    adminStateUp: (values['admin_state_up'] as boolean | undefined) ?? agent.adminStateUp,
    description: values['description'] === undefined ? agent.description : (values['description'] as string | null),
  };
  const row = { adminStateUp: next.adminStateUp ? 1 : 0, description: next.description };
  await db(tx)
    .insertInto('networkAgents')
    .values({ id: agent.id, ...row })
    .onConflict(conflict => conflict.column('id').doUpdateSet(row))
    .execute();
  if (!next.adminStateUp) await heal(tx);
  return { ...agent, ...next };
}

export function view({ id, kind, host, adminStateUp, description }: Agent): Values {
  const { type, binary, topic, zone: availabilityZone } = names[kind];
  return {
    id,
    agent_type: type,
    binary,
    topic,
    host: host.name,
    admin_state_up: adminStateUp,
    created_at: agentTime(host.createdAt),
    started_at: agentTime(host.startedAt),
    heartbeat_timestamp: agentTime(host.lastSeenAt),
    alive: host.up,
    configurations: {},
    description,
    availability_zone: availabilityZone,
    resources_synced: null,
  };
}

const agentTime = (stored: string): string => stored.slice(0, 19).replace('T', ' ');

const zones = endpoint({
  policy: 'get_availability_zone',
  allow: 'role:reader',
  route: 'GET /v2.0/availability_zones',
  replies: {
    200: object({ availability_zones: array(object({ name: string(), resource: string(), state: string() })) }),
  },
  handle: async ({ tx }) => ({ 200: { availability_zones: await zonesOf(tx) } }),
});

async function zonesOf(tx: Tx) {
  const hosts = await listHosts(tx);
  const state = hosts.some(host => host.up && host.enabled) ? 'available' : 'unavailable';
  return ['network', 'router'].map(resource => ({ name: zone, resource, state }));
}

const providers = endpoint({
  policy: 'get_service_provider',
  allow: 'role:reader',
  route: 'GET /v2.0/service-providers',
  replies: { 200: object({ service_providers: array(object({ service_type: string(), name: string() })) }) },
  handle: async () => ({ 200: { service_providers: [] } }),
});

export const agentEndpoints = [zones, providers];
