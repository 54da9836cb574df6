// What operators see of the hosts: agents and availability zones. API: Network v2.0, "Agents", "Availability zones".

import { readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import type { Resource } from '#/services/network/attributes/resource.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { array, object, string } from '#/platform/http/schema.ts';
import { zone } from '#/services/network/networks/network.rules.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { type Host, listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** A host's part in networking, under the names that Neutron has for such parts. */
interface Agent {
  id: string;
  projectId: string;
  kind: (typeof kinds)[number];
  host: Host;
}

const kinds = [
  {
    type: 'Linux bridge agent',
    binary: 'neutron-linuxbridge-agent',
    topic: 'N/A',
    zone: null,
    role: 'compute',
    mark: '1',
  },
  { type: 'DHCP agent', binary: 'neutron-dhcp-agent', topic: 'dhcp_agent', zone, role: 'compute', mark: '2' },
  { type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', zone, role: 'network', mark: '3' },
  { type: 'Metadata agent', binary: 'neutron-metadata-agent', topic: 'N/A', zone: null, role: 'compute', mark: '4' },
] as const;

export const agents: Resource<Agent> = {
  singular: 'agent',
  plural: 'agents',
  path: 'agents',
  attributes: Object.fromEntries(
    [
      'id',
      'agent_type',
      'binary',
      'topic',
      'host',
      'admin_state_up',
      'created_at',
      'started_at',
      'heartbeat_timestamp',
      'alive',
      'configurations',
      'description',
      'availability_zone',
      'resources_synced',
    ].map(name => [name, readOnly()]),
  ),
  allow: { get: 'role:admin' },
  openList: true,
  missing: t.agentNotFound,
  async list(tx, { only }) {
    const all = (await listHosts(tx)).flatMap(host =>
      kinds
        .filter(kind => host.roles.includes(kind.role))
        .map(kind => ({ id: idOf(host, kind.mark), projectId: '', kind, host })),
    );
    return only['id'] ? all.filter(agent => only['id']!.includes(agent.id)) : all;
  },
  view,
};

/** The host's provider id with another last digit pair: stable, and different for every part. */
function idOf(host: Host, mark: string): string {
  return `${host.providerId.slice(0, -2)}a${mark}`;
}

function view({ id, kind, host }: Agent): Values {
  return {
    id,
    agent_type: kind.type,
    binary: kind.binary,
    topic: kind.topic,
    host: host.name,
    admin_state_up: host.enabled,
    created_at: agentTime(host.createdAt),
    started_at: agentTime(host.startedAt),
    heartbeat_timestamp: agentTime(host.lastSeenAt),
    alive: host.up,
    configurations: {},
    description: null,
    availability_zone: kind.zone,
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
