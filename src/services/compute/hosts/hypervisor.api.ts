// Hypervisors: the hosts as machines that run guests. API: Compute, "Hypervisors".

import { type Host, listHosts } from '#/host/hosts.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, type Query, since } from '#/platform/http/endpoint.ts';
import { nextLink, pageLimit } from '#/platform/http/page.ts';
import { any, array, as, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { admin } from '#/services/compute/allow.ts';
import { computeServices, type ComputeService, numberOf } from '#/services/compute/hosts/compute-service.api.ts';
import { instanceName } from '#/services/compute/servers/server.rules.ts';
import { serverTables } from '#/services/compute/servers/server.store.ts';
import { reservedMemoryMib } from '#/services/compute/settings.ts';
import { t } from '#/services/compute/texts.ts';
import { flag, one } from '#/services/compute/wire.ts';
import { freeHosts } from '#/services/placement/contract.ts';

interface Hypervisor {
  host: Host;
  reservedMemoryMib: number;
  service: ComputeService | undefined;
  servers: {
    id: string;
    seq: number;
    name: string;
    vcpus: number;
    memoryMib: number;
    diskGib: number;
    taskState: string | null;
    vmState: string;
  }[];
  freeDiskGib: number;
}

async function hypervisors(tx: Tx): Promise<Hypervisor[]> {
  const services = new Map((await computeServices(tx)).map(service => [service.host, service]));
  const rows = await serverTables(tx)
    .selectFrom('computeServers')
    .select(['id', 'seq', 'name', 'host', 'vcpus', 'memoryMib', 'flavor', 'taskState', 'vmState'])
    .where('host', 'is not', null)
    .orderBy('seq')
    .execute();
  const servers = Map.groupBy(
    rows.map(row => ({ ...row, diskGib: (JSON.parse(row.flavor) as { diskGib: number }).diskGib })),
    row => row.host!,
  );
  const room = new Map((await freeHosts(tx, {})).map(host => [host.providerId, host]));
  return (await listHosts(tx))
    .filter(host => host.roles.includes('compute'))
    .map(host => ({
      host,
      reservedMemoryMib: reservedMemoryMib(tx, host.capabilities?.memoryMib ?? 0),
      service: services.get(host.name),
      servers: servers.get(host.name) ?? [],
      freeDiskGib: room.get(host.providerId)?.free['DISK_GB'] ?? 0,
    }));
}

function idOf({ host }: Hypervisor, version: Microversion): string | number {
  return since(version, '2.53') ? host.providerId : numberOf(host.providerId);
}

function brief(hypervisor: Hypervisor, version: Microversion, withServers = false): Record<string, unknown> {
  const { host, servers } = hypervisor;
  return {
    id: idOf(hypervisor, version),
    hypervisor_hostname: host.name,
    state: host.up ? 'up' : 'down',
    status: host.enabled ? 'enabled' : 'disabled',
    ...(withServers && servers.length
      ? { servers: servers.map(server => ({ name: instanceName(server.seq), uuid: server.id })) }
      : {}),
  };
}

function usageOf({ host, reservedMemoryMib, servers, freeDiskGib }: Hypervisor) {
  const { vcpus = 0, memoryMib = 0, diskGib = 0 } = host.capabilities ?? {};
  const sum = (pick: (server: Hypervisor['servers'][number]) => number): number =>
    servers.reduce((total, server) => total + pick(server), 0);
  const memoryUsed = reservedMemoryMib + sum(server => server.memoryMib);
  return {
    vcpus,
    vcpus_used: sum(server => server.vcpus),
    memory_mb: memoryMib,
    memory_mb_used: memoryUsed,
    free_ram_mb: memoryMib - memoryUsed,
    local_gb: diskGib,
    local_gb_used: diskGib - freeDiskGib,
    free_disk_gb: freeDiskGib,
    disk_available_least: freeDiskGib,
    running_vms: servers.length,
    current_workload: servers.filter(server => server.taskState !== null).length,
  };
}

function full(
  hypervisor: Hypervisor,
  version: Microversion,
  asked: { withServers: boolean; uptime: string | null },
): Record<string, unknown> {
  const { host, service } = hypervisor;
  const { capabilities } = host;
  const cpu = {
    arch: capabilities?.architecture ?? '',
    model: capabilities?.cpuModel ?? '',
    vendor: '',
    features: [],
    topology: { sockets: 1, cores: capabilities?.vcpus ?? 0, threads: 1 },
  };
  const view: Record<string, unknown> = {
    ...brief(hypervisor, version, asked.withServers),
    hypervisor_type: capabilities?.type ?? 'unknown',
    hypervisor_version: capabilities?.version ?? 0,
    host_ip: host.address ?? '127.0.0.1',
    service: {
      id: service ? (since(version, '2.53') ? service.id : numberOf(service.id)) : '',
      host: host.name,
      disabled_reason: host.disabledReason,
    },
  };
  if (since(version, '2.88')) return { ...view, uptime: asked.uptime };
  return { ...view, ...usageOf(hypervisor), cpu_info: since(version, '2.28') ? cpu : JSON.stringify(cpu) };
}

/** As `uptime` prints it, of the agent's life. */
function uptimeOf(tx: Tx, { host }: Hypervisor): string | null {
  if (!host.up) return null;
  const at = nowMs(tx);
  const minutes = Math.max(0, Math.floor((at - Date.parse(`${host.startedAt}Z`)) / 60_000));
  const days = Math.floor(minutes / 1440);
  const clock = new Date(at).toISOString().slice(11, 19);
  const hours = `${Math.floor((minutes % 1440) / 60)}:${String(minutes % 60).padStart(2, '0')}`;
  return ` ${clock} up ${days === 1 ? '1 day' : `${days} days`}, ${hours},  0 users,  load average: 0.00, 0.00, 0.00`;
}

async function page(tx: Tx, query: Query, version: Microversion): Promise<{ rows: Hypervisor[]; more: boolean }> {
  let rows = await hypervisors(tx);
  const pattern = since(version, '2.53') ? one(query, 'hypervisor_hostname_pattern') : undefined;
  if (pattern !== undefined) {
    rows = rows.filter(({ host }) => host.name.includes(pattern));
    if (rows.length === 0) throw new Problem('notFound', t.hypervisorNotFound, { id: pattern.slice(0, 80) });
  }
  if (!since(version, '2.33')) return { rows, more: false };
  const marker = one(query, 'marker');
  if (marker !== undefined) {
    const at = rows.findIndex(row => String(idOf(row, version)) === marker);
    if (at < 0) throw new Problem('invalid', platformTexts.invalidMarker, { marker: marker.slice(0, 80) });
    rows = rows.slice(at + 1);
  }
  const limit = pageLimit(query['limit']);
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

const listReply = open({ hypervisors: array(as<object>(any())) });

const list = endpoint({
  policy: 'os_compute_api:os-hypervisors:list',
  allow: admin,
  route: 'GET /v2.1/os-hypervisors',
  replies: { 200: listReply },
  async handle({ tx, query, version, request }) {
    const { rows, more } = await page(tx, query, version);
    const servers = since(version, '2.53') && flag(query, 'with_servers');
    const links =
      more && rows.length
        ? { hypervisors_links: [{ rel: 'next', href: nextLink(request, String(idOf(rows.at(-1)!, version))) }] }
        : {};
    return { 200: { hypervisors: rows.map(row => brief(row, version, servers)), ...links } };
  },
});

const detail = endpoint({
  policy: 'os_compute_api:os-hypervisors:list-detail',
  allow: admin,
  route: 'GET /v2.1/os-hypervisors/detail',
  replies: { 200: listReply },
  async handle({ tx, query, version, request }) {
    const { rows, more } = await page(tx, query, version);
    const withServers = since(version, '2.53') && flag(query, 'with_servers');
    const links =
      more && rows.length
        ? { hypervisors_links: [{ rel: 'next', href: nextLink(request, String(idOf(rows.at(-1)!, version))) }] }
        : {};
    return {
      200: { hypervisors: rows.map(row => full(row, version, { withServers, uptime: uptimeOf(tx, row) })), ...links },
    };
  },
});

const statistics = endpoint({
  policy: 'os_compute_api:os-hypervisors:statistics',
  allow: admin,
  route: 'GET /v2.1/os-hypervisors/statistics',
  versions: '2.1-2.87',
  replies: { 200: object({ hypervisor_statistics: as<object>(any()) }) },
  async handle({ tx }) {
    const rows = (await hypervisors(tx)).filter(({ host }) => host.enabled);
    const total: Record<string, number> = { count: rows.length };
    for (const row of rows)
      for (const [key, value] of Object.entries(usageOf(row))) total[key] = (total[key] ?? 0) + value;
    return { 200: { hypervisor_statistics: total } };
  },
});

async function mustFind(tx: Tx, id: string, version: Microversion): Promise<Hypervisor> {
  const found = (await hypervisors(tx)).find(row => String(idOf(row, version)) === id);
  if (!found) throw new Problem('notFound', t.hypervisorNotFound, { id: id.slice(0, 80) });
  return found;
}

const show = endpoint({
  policy: 'os_compute_api:os-hypervisors:show',
  allow: admin,
  route: 'GET /v2.1/os-hypervisors/{hypervisor_id}',
  replies: { 200: object({ hypervisor: as<object>(any()) }) },
  async handle({ tx, path, query, version }) {
    const found = await mustFind(tx, path['hypervisor_id']!, version);
    const withServers = since(version, '2.53') && flag(query, 'with_servers');
    return { 200: { hypervisor: full(found, version, { withServers, uptime: uptimeOf(tx, found) }) } };
  },
});

const uptime = endpoint({
  policy: 'os_compute_api:os-hypervisors:uptime',
  allow: admin,
  route: 'GET /v2.1/os-hypervisors/{hypervisor_id}/uptime',
  versions: '2.1-2.87',
  replies: { 200: object({ hypervisor: as<object>(any()) }) },
  async handle({ tx, path, version }) {
    const found = await mustFind(tx, path['hypervisor_id']!, version);
    return { 200: { hypervisor: { ...brief(found, version), uptime: uptimeOf(tx, found) ?? '' } } };
  },
});

/** Until 2.52, hypervisors were searched and their servers listed by a part of the name in the path. */
function byPattern(word: 'search' | 'servers', withServers: boolean) {
  return endpoint({
    policy: `os_compute_api:os-hypervisors:${word}`,
    allow: admin,
    route: `GET /v2.1/os-hypervisors/{hypervisor_id}/${word}`,
    versions: '2.1-2.52',
    replies: { 200: listReply },
    async handle({ tx, path, version }) {
      const pattern = path['hypervisor_id']!;
      const rows = (await hypervisors(tx)).filter(({ host }) => host.name.includes(pattern));
      if (rows.length === 0) throw new Problem('notFound', t.hypervisorNotFound, { id: pattern.slice(0, 80) });
      return { 200: { hypervisors: rows.map(row => brief(row, version, withServers)) } };
    },
  });
}

export const hypervisorEndpoints = [
  list,
  detail,
  statistics,
  show,
  uptime,
  byPattern('search', false),
  byPattern('servers', true),
];
