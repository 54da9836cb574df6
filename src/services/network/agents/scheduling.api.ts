// Which agents carry which networks and routers, and changing it. API: Network v2.0, "DHCP agent scheduler", "L3 agent
// scheduler".

import { view as agentView } from '#/services/network/agents/agent.api.ts';
import { type Agent, listAgents } from '#/services/network/agents/agent.store.ts';
import { isUuid } from '#/services/network/attributes/checks.ts';
import { view as networkView } from '#/services/network/networks/network.api.ts';
import { listNetworks, type Network } from '#/services/network/networks/network.store.ts';
import { addDhcpServer, dhcpOwner, dhcpPortsOf } from '#/services/network/ports/dhcp-port.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { addReplica, bindHaPorts, removeReplica, routerHosts } from '#/services/network/routers/ha-router.ts';
import { setRouterHost } from '#/services/network/routers/place-router.ts';
import { view as routerView } from '#/services/network/routers/router.api.ts';
import { listRouters, type Router } from '#/services/network/routers/router.store.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { array, id as anyId, nothing, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const admin = 'role:admin';
const all = { all: true, projectId: '' };
const agentList = object({ agents: array(open({})) });

const agentFound: Finder<Agent> = {
  find: async ({ tx, path: { id = '' } }) => (await listAgents(tx)).find(agent => agent.id === id),
  missing: ({ id = '' }) => new Problem('notFound', t.agentNotFound, { id: id.slice(0, 80) }),
};
const networkFound: Finder<Network> = {
  find: ({ tx, path: { id = '' } }) => networkBy(tx, id),
  missing: ({ id = '' }) => new Problem('notFound', t.networkNotFound, { id: id.slice(0, 80) }),
};
const routerFound: Finder<Router> = {
  find: ({ tx, path: { id = '' } }) => routerBy(tx, id),
  missing: ({ id = '' }) => new Problem('notFound', t.routerNotFound, { id: id.slice(0, 80) }),
};

async function networkBy(tx: Tx, id: string): Promise<Network | undefined> {
  return isUuid(id) ? (await listNetworks(tx, { ...all, only: { id: [id] } }))[0] : undefined;
}

async function routerBy(tx: Tx, id: string): Promise<Router | undefined> {
  return isUuid(id) ? (await listRouters(tx, { ...all, only: { id: [id] } }))[0] : undefined;
}

// --- DHCP ----------------------------------------------------------------------------------------------------------------

const networksOfAgent = endpoint({
  policy: 'get_dhcp-networks',
  allow: admin,
  route: 'GET /v2.0/agents/{id}/dhcp-networks',
  find: agentFound,
  replies: { 200: object({ networks: array(open({})) }) },
  handle: async ({ tx, found: agent }) => {
    if (agent.kind !== 'dhcp') return { 200: { networks: [] } };
    const rows = await db(tx)
      .selectFrom('ports')
      .select('networkId')
      .where('deviceOwner', '=', dhcpOwner)
      .where('host', '=', agent.host.name)
      .execute();
    const ids = new Set(rows.map(row => row.networkId));
    const networks = (await listNetworks(tx, { ...all, only: {} })).filter(network => ids.has(network.id));
    return { 200: { networks: networks.map(networkView) } };
  },
});

const addNetwork = endpoint({
  policy: 'create_dhcp-network',
  allow: admin,
  route: 'POST /v2.0/agents/{id}/dhcp-networks',
  find: agentFound,
  body: object({ network_id: anyId() }),
  replies: { 201: nothing() },
  handle: async ({ tx, found: agent, body }) => {
    if (agent.kind !== 'dhcp' || !agent.adminStateUp)
      throw new Problem('notFound', t.invalidDHCPAgent, { id: agent.id });
    const network = await networkBy(tx, body.network_id);
    if (!network) throw new Problem('notFound', t.networkNotFound, { id: body.network_id.slice(0, 80) });
    const ports = await dhcpPortsOf(tx, network.id);
    if (ports.some(port => port.host === agent.host.name))
      throw new Problem('conflict', t.networkHostedByDHCPAgent, { network: network.id, agent: agent.id });
    await addDhcpServer(tx, network, agent.host);
    return { 201: null };
  },
});

const removeNetwork = endpoint({
  policy: 'delete_dhcp-network',
  allow: admin,
  route: 'DELETE /v2.0/agents/{id}/dhcp-networks/{network_id}',
  find: agentFound,
  replies: { 204: null },
  handle: async ({ tx, found: agent, path: { network_id: networkId = '' } }) => {
    const ports = agent.kind === 'dhcp' && isUuid(networkId) ? await dhcpPortsOf(tx, networkId) : [];
    const port = ports.find(one => one.host === agent.host.name);
    if (!port)
      throw new Problem('conflict', t.networkNotHostedByDhcpAgent, {
        network: networkId.slice(0, 80),
        agent: agent.id,
      });
    await removePort(tx, port.id);
    return { 204: undefined };
  },
});

const agentsOfNetwork = endpoint({
  policy: 'get_dhcp-agents',
  allow: admin,
  route: 'GET /v2.0/networks/{id}/dhcp-agents',
  find: networkFound,
  replies: { 200: agentList },
  handle: async ({ tx, found: network }) => {
    const hosts = new Set((await dhcpPortsOf(tx, network.id)).map(port => port.host));
    const agents = (await listAgents(tx)).filter(({ kind, host }) => kind === 'dhcp' && hosts.has(host.name));
    return { 200: { agents: agents.map(agentView) } };
  },
});

// --- routers -------------------------------------------------------------------------------------------------------------

const routersOfAgent = endpoint({
  policy: 'get_l3-routers',
  allow: admin,
  route: 'GET /v2.0/agents/{id}/l3-routers',
  find: agentFound,
  replies: { 200: object({ routers: array(open({})) }) },
  handle: async ({ tx, found: agent }) => {
    if (agent.kind !== 'l3') return { 200: { routers: [] } };
    const replicas = await db(tx)
      .selectFrom('routerHosts')
      .select('routerId')
      .where('host', '=', agent.host.name)
      .execute();
    const here = new Set(replicas.map(replica => replica.routerId));
    const routers = (await listRouters(tx, { ...all, only: {} })).filter(router =>
      router.ha ? here.has(router.id) : router.host === agent.host.name,
    );
    return { 200: { routers: routers.map(routerView) } };
  },
});

const addRouter = endpoint({
  policy: 'create_l3-router',
  allow: admin,
  route: 'POST /v2.0/agents/{id}/l3-routers',
  find: agentFound,
  body: object({ router_id: anyId() }),
  replies: { 201: nothing() },
  handle: async ({ tx, found: agent, body }) => {
    if (agent.kind !== 'l3' || !agent.adminStateUp) throw new Problem('invalid', t.invalidL3Agent, { id: agent.id });
    const router = await routerBy(tx, body.router_id);
    if (!router) throw new Problem('notFound', t.routerNotFound, { id: body.router_id.slice(0, 80) });
    if (router.ha) {
      const there = (await routerHosts(tx, router.id)).some(replica => replica.host === agent.host.name);
      if (there) throw new Problem('conflict', t.routerHostedByL3Agent, { router: router.id, agent: agent.id });
      await addReplica(tx, router, agent.host.name);
      await bindHaPorts(tx, router.id);
      return { 201: null };
    }
    if (router.host !== null && router.host !== agent.host.name)
      throw new Problem('conflict', t.routerHostedByL3Agent, { router: router.id, agent: agent.id });
    await setRouterHost(tx, router.id, agent.host.name);
    return { 201: null };
  },
});

const removeRouter = endpoint({
  policy: 'delete_l3-router',
  allow: admin,
  route: 'DELETE /v2.0/agents/{id}/l3-routers/{router_id}',
  find: agentFound,
  replies: { 204: null },
  handle: async ({ tx, found: agent, path: { router_id: routerId = '' } }) => {
    const router = await routerBy(tx, routerId);
    if (!router) throw new Problem('notFound', t.routerNotFound, { id: routerId.slice(0, 80) });
    const replica = (await routerHosts(tx, router.id)).find(one => one.host === agent.host.name);
    if (replica && agent.kind === 'l3') {
      await removeReplica(tx, replica);
      await bindHaPorts(tx, router.id);
      return { 204: undefined };
    }
    if (agent.kind !== 'l3' || router.host !== agent.host.name)
      throw new Problem('conflict', t.routerNotHostedByL3Agent, { router: router.id, agent: agent.id });
    await setRouterHost(tx, router.id, null);
    return { 204: undefined };
  },
});

const agentsOfRouter = endpoint({
  policy: 'get_l3-agents',
  allow: admin,
  route: 'GET /v2.0/routers/{id}/l3-agents',
  find: routerFound,
  replies: { 200: agentList },
  handle: async ({ tx, found: router }) => {
    const states = new Map((await routerHosts(tx, router.id)).map(replica => [replica.host, replica.state]));
    const agents = (await listAgents(tx)).filter(
      ({ kind, host }) => kind === 'l3' && (router.ha ? states.has(host.name) : host.name === router.host),
    );
    const views = agents.map(agent => ({ ...agentView(agent), ha_state: states.get(agent.host.name) ?? null }));
    return { 200: { agents: views } };
  },
});

export const schedulingEndpoints = [
  networksOfAgent,
  addNetwork,
  removeNetwork,
  agentsOfNetwork,
  routersOfAgent,
  addRouter,
  removeRouter,
  agentsOfRouter,
];
