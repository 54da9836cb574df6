// Which options hold for a whole cloud: a machine that joins to run api or worker takes them over.

import { type Config, publicUrlOf } from '#/platform/config/config.ts';
import { options, quotaOptions } from '#/platform/config/options.ts';

/** Options of one machine, which another has its own of. */
const ofOneMachine: ReadonlySet<string> = new Set<keyof typeof options>([
  'listen_address',
  'listen_port',
  'log_level',
  'admin_password',
  'accelerator',
  'simulate_hosts',
  'worker_concurrency',
  'database_connections',
  'cluster_address',
  'cluster_port',
  'tunnel_address',
  'cluster_servers',
  'roles',
  'host_name',
  'host_offers',
  'bus_port',
  'bus_servers',
  'bus_ca_file',
  'bus_certificate_file',
  'bus_key_file',
  'policy_directory',
  'tls_certificate_file',
  'tls_key_file',
  'tls_client_ca_file',
]);

/** As the configuration file spells them; those that are as by default are left out. */
export function sharedOptions(config: Config, imageDirectory: string): Record<string, unknown> {
  const quotas = differing(quotaOptions, config.quotas);
  return {
    ...differing(options, config, ofOneMachine),
    ...(Object.keys(quotas).length > 0 ? { quotas } : {}),
    public_url: publicUrlOf(config),
    image_directory: imageDirectory,
  };
}

function differing(
  table: Record<string, { default: unknown }>,
  values: object,
  without: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  const given = values as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(table)
      .filter(([name]) => !without.has(name))
      .map(([name, option]) => [name, given[camel(name)], option.default] as const)
      .filter(([, value, standard]) => JSON.stringify(value) !== JSON.stringify(standard))
      .map(([name, value]) => [name, value]),
  );
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
