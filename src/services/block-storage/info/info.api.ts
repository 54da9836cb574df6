// What the service says of itself and its hosts: versions, extensions, zones, services, pools.

import { setHostEnabled, hostByName, listHosts, type Host } from '#/host/hosts.ts';
import { now } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, isTrue, mapOf, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyQuery, first, reader, wire } from '#/services/block-storage/page.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { zone } from '#/services/block-storage/volumes/create-volume.ts';
import { overcommitment, pools, promisedOn } from '#/services/block-storage/volumes/volume.place.ts';
import { backendOf } from '#/services/block-storage/volumes/volume.view.ts';

export const newest = '3.71';

function versions(base: string): object {
  const media = { base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' };
  const links = [{ rel: 'self', href: `${base}/v3/` }];
  const v3 = { id: 'v3.0', status: 'CURRENT', version: newest, min_version: '3.0', updated: '2026-01-01T00:00:00Z' };
  return { versions: [{ ...v3, links, 'media-types': [media] }] };
}

const root = endpoint({
  policy: 'public',
  route: 'GET /',
  replies: { 300: mapOf(any()) },
  handle: async ({ request }) => ({ 300: versions(request.base) }),
});

const v3 = endpoint({
  policy: 'public',
  route: 'GET /v3',
  replies: { 200: mapOf(any()) },
  handle: async ({ request }) => ({ 200: versions(request.base) }),
});

const extensionAliases: Record<string, string> = {
  'os-hosts': 'Hosts',
  'os-quota-sets': 'Quotas',
  'os-services': 'Services',
  'os-snapshot-actions': 'SnapshotActions',
  'os-types-extra-specs': 'TypesExtraSpecs',
  'os-types-manage': 'TypesManage',
  'os-used-limits': 'UsedLimits',
  'os-volume-actions': 'VolumeActions',
  'os-volume-transfer': 'VolumeTransfer',
  'os-volume-type-access': 'VolumeTypeAccess',
  'os-extended-snapshot-attributes': 'ExtendedSnapshotAttributes',
  'os-vol-host-attr': 'VolumeHostAttribute',
  'os-vol-image-meta': 'VolumeImageMetadata',
  'os-vol-mig-status-attr': 'VolumeMigStatusAttribute',
  'os-vol-tenant-attr': 'VolumeTenantAttribute',
  'os-admin-actions': 'AdminActions',
  'os-availability-zone': 'AvailabilityZones',
  'scheduler-stats': 'Scheduler_stats',
};

const extensions = endpoint({
  policy: 'haneul:list_volume_extensions',
  allow: '@',
  route: 'GET /v3/{project_id}/extensions',
  replies: { 200: object({ extensions: array(wire) }) },
  handle: async () => ({
    200: {
      extensions: Object.entries(extensionAliases).map(([alias, name]) => ({
        alias,
        name,
        description: name,
        updated: '2012-01-01T00:00:00+00:00',
        links: [],
      })),
    },
  }),
});

const zones = endpoint({
  policy: 'haneul:list_volume_zones',
  allow: reader,
  route: 'GET /v3/{project_id}/os-availability-zone',
  replies: { 200: object({ availabilityZoneInfo: array(wire) }) },
  handle: async () => ({ 200: { availabilityZoneInfo: [{ zoneName: zone, zoneState: { available: true } }] } }),
});

function serviceView(host: Host, binary: string) {
  return {
    binary,
    host: binary === 'cinder-volume' ? `${host.name}@local` : host.name,
    zone,
    status: host.enabled ? 'enabled' : 'disabled',
    state: host.up ? 'up' : 'down',
    updated_at: host.lastSeenAt,
    disabled_reason: host.disabledReason,
    ...(binary === 'cinder-volume'
      ? {
          replication_status: 'disabled',
          active_backend_id: null,
          frozen: false,
          backend_state: host.up ? 'up' : 'down',
        }
      : {}),
  };
}

const services = endpoint({
  policy: 'volume_extension:services:index',
  allow: admin,
  route: 'GET /v3/{project_id}/os-services',
  query: anyQuery,
  replies: { 200: object({ services: array(wire) }) },
  async handle({ tx, query }) {
    const hosts = (await listHosts(tx)).filter(host => host.roles.includes('storage'));
    const all = hosts.flatMap((host, at) => [
      ...(at === 0 ? [serviceView({ ...host, enabled: true, up: true }, 'cinder-scheduler')] : []),
      serviceView(host, 'cinder-volume'),
    ]);
    const host = first(query, 'host');
    const binary = first(query, 'binary');
    const shown = all.filter(
      one =>
        (host === undefined || one.host === host || one.host.split('@')[0] === host) &&
        (binary === undefined || one.binary === binary),
    );
    return { 200: { services: shown } };
  },
});

const hostList = endpoint({
  policy: 'volume_extension:hosts',
  allow: admin,
  route: 'GET /v3/{project_id}/os-hosts',
  replies: { 200: object({ hosts: array(wire) }) },
  async handle({ tx }) {
    const hosts = (await listHosts(tx)).filter(host => host.roles.includes('storage'));
    const views = hosts.map(host => ({
      host_name: `${host.name}@local`,
      service: 'cinder-volume',
      zone,
      'service-status': host.up ? 'available' : 'unavailable',
      'service-state': host.enabled ? 'enabled' : 'disabled',
      'last-update': host.lastSeenAt,
    }));
    return { 200: { hosts: views } };
  },
});

const hostShow = endpoint({
  policy: 'volume_extension:hosts',
  route: 'GET /v3/{project_id}/os-hosts/{host_name}',
  replies: { 200: object({ host: array(wire) }) },
  async handle({ tx, path: { host_name: asked = '' } }) {
    const name = asked.split('@')[0]!;
    if (!(await hostByName(tx, name))) throw new Problem('notFound', t.hostNotFound, { name: name.slice(0, 80) });
    const perProject = await promisedOn(tx, name);
    const resource = (project: string, rows: typeof perProject) => ({
      resource: {
        host: asked,
        project,
        volume_count: String(rows.reduce((sum, row) => sum + row.volumes, 0)),
        total_volume_gb: String(rows.reduce((sum, row) => sum + row.gib, 0)),
        snapshot_count: String(rows.reduce((sum, row) => sum + row.snapshots, 0)),
        total_snapshot_gb: String(rows.reduce((sum, row) => sum + row.snapshotGib, 0)),
      },
    });
    return {
      200: { host: [resource('(total)', perProject), ...perProject.map(row => resource(row.projectId, [row]))] },
    };
  },
});

function switchCall(name: 'enable' | 'disable' | 'disable-log-reason') {
  return endpoint({
    policy: 'volume_extension:services:update',
    ...(name === 'enable' ? { allow: admin } : {}),
    route: `PUT /v3/{project_id}/os-services/${name}`,
    body: open({
      host: string({ min: 1, max: 255 }),
      binary: optional(string({ max: 255 })),
      disabled_reason: optional(nullable(string({ max: 255 }))),
    }),
    replies: { 200: wire },
    async handle({ tx, body }) {
      const hostName = body.host.split('@')[0]!;
      if (!(await hostByName(tx, hostName))) throw new Problem('notFound', t.hostNotFound, { name: hostName });
      const reason = name === 'disable-log-reason' ? (body.disabled_reason ?? null) : null;
      await setHostEnabled(tx, hostName, name === 'enable', reason);
      const status = name === 'enable' ? 'enabled' : 'disabled';
      const answer = {
        host: body.host,
        service: body.binary,
        binary: body.binary,
        status,
        disabled: name !== 'enable',
      };
      return { 200: { ...answer, ...(reason === null ? {} : { disabled_reason: reason }) } };
    },
  });
}

const listPools = endpoint({
  policy: 'scheduler_extension:scheduler_stats:get_pools',
  allow: admin,
  route: 'GET /v3/{project_id}/scheduler-stats/get_pools',
  query: anyQuery,
  replies: { 200: object({ pools: array(wire) }) },
  async handle({ tx, query }) {
    const detail = isTrue(first(query, 'detail') ?? false);
    const all = await pools(tx);
    const views = all.map(({ host, totalGib, freeGib, provisionedGib }) => ({
      name: backendOf(host.name),
      ...(detail
        ? {
            capabilities: {
              volume_backend_name: 'local',
              vendor_name: 'Haneul',
              storage_protocol: 'nbd',
              driver_version: '1.0',
              total_capacity_gb: totalGib,
              free_capacity_gb: freeGib,
              provisioned_capacity_gb: provisionedGib,
              allocated_capacity_gb: provisionedGib,
              max_over_subscription_ratio: String(overcommitment),
              reserved_percentage: 0,
              thin_provisioning_support: true,
              thick_provisioning_support: false,
              multiattach: true,
              QoS_support: false,
              pool_name: 'local',
              timestamp: now(tx),
            },
          }
        : {}),
    }));
    return { 200: { pools: views } };
  },
});

export const infoEndpoints = [
  root,
  v3,
  extensions,
  zones,
  services,
  hostList,
  hostShow,
  switchCall('enable'),
  switchCall('disable'),
  switchCall('disable-log-reason'),
  listPools,
];
