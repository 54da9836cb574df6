// Where clients begin: which versions there are. API: Compute, "API versions".

import { endpoint, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, array, as, object } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anyone } from '#/services/compute/allow.ts';
import { t } from '#/services/compute/texts.ts';

export const microversions = {
  type: 'compute',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
  min: '2.1',
  max: '2.96',
  default: '2.1',
} as const;

function document(request: RequestFacts): Record<string, unknown> {
  return {
    id: 'v2.1',
    status: 'CURRENT',
    version: microversions.max,
    min_version: microversions.min,
    updated: '2013-07-23T11:33:21Z',
    links: [{ rel: 'self', href: `${request.base}/v2.1/` }],
  };
}

const anything = as<Record<string, unknown>>(any());

const list = endpoint({
  policy: 'public',
  route: 'GET /',
  replies: { 200: object({ versions: array(anything) }) },
  handle: async ({ request }) => ({ 200: { versions: [document(request)] } }),
});

const show = endpoint({
  policy: 'public',
  route: 'GET /v2.1',
  replies: { 200: object({ version: anything }) },
  async handle({ request }) {
    const types = [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }];
    return { 200: { version: { ...document(request), 'media-types': types } } };
  },
});

/** What once were extensions and has long been part of the API; some old clients ask. */
const aliases: Record<string, string> = {
  NMN: 'Multinic',
  'OS-DCF': 'DiskConfig',
  'OS-EXT-AZ': 'ExtendedAvailabilityZone',
  'OS-EXT-IPS': 'ExtendedIps',
  'OS-EXT-IPS-MAC': 'ExtendedIpsMac',
  'OS-EXT-SRV-ATTR': 'ExtendedServerAttributes',
  'OS-EXT-STS': 'ExtendedStatus',
  'OS-FLV-DISABLED': 'FlavorDisabled',
  'OS-FLV-EXT-DATA': 'FlavorExtraData',
  'OS-SCH-HNT': 'SchedulerHints',
  'OS-SRV-USG': 'ServerUsage',
  'os-admin-actions': 'AdminActions',
  'os-aggregates': 'Aggregates',
  'os-attach-interfaces': 'AttachInterfaces',
  'os-availability-zone': 'AvailabilityZone',
  'os-block-device-mapping-v2-boot': 'BlockDeviceMappingV2Boot',
  'os-config-drive': 'ConfigDrive',
  'os-console-output': 'ConsoleOutput',
  'os-consoles': 'Consoles',
  'os-extended-volumes': 'ExtendedVolumes',
  'os-flavor-access': 'FlavorAccess',
  'os-flavor-extra-specs': 'FlavorExtraSpecs',
  'os-flavor-manage': 'FlavorManage',
  'os-hypervisors': 'Hypervisors',
  'os-instance-actions': 'InstanceActions',
  'os-keypairs': 'Keypairs',
  'os-multiple-create': 'MultipleCreate',
  'os-pause-server': 'PauseServer',
  'os-quota-class-sets': 'QuotaClasses',
  'os-quota-sets': 'Quotas',
  'os-security-groups': 'SecurityGroups',
  'os-server-diagnostics': 'ServerDiagnostics',
  'os-server-groups': 'ServerGroups',
  'os-server-start-stop': 'ServerStartStop',
  'os-services': 'Services',
  'os-user-data': 'UserData',
  'os-volumes': 'Volumes',
};

function extension([alias, name]: [string, string]) {
  return {
    alias,
    name,
    description: `${name}.`,
    links: [],
    namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
    updated: '2014-12-03T00:00:00Z',
  };
}

const extensions = endpoint({
  policy: 'os_compute_api:extensions',
  allow: anyone,
  route: 'GET /v2.1/extensions',
  replies: { 200: object({ extensions: array(anything) }) },
  handle: async () => ({ 200: { extensions: Object.entries(aliases).map(extension) } }),
});

const oneExtension = endpoint({
  policy: 'os_compute_api:extensions',
  route: 'GET /v2.1/extensions/{alias}',
  find: {
    find: async ({ path }) => (Object.hasOwn(aliases, path['alias']!) ? { alias: path['alias']! } : undefined),
    missing: path => new Problem('notFound', t.extensionNotFound, { alias: path['alias']?.slice(0, 80) }),
  },
  replies: { 200: object({ extension: anything }) },
  handle: async ({ found }) => ({ 200: { extension: extension([found.alias, aliases[found.alias]!]) } }),
});

export const versionEndpoints = [list, show, extensions, oneExtension];
