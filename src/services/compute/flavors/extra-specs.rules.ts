// Which extra specs exist and what they may hold, checked from microversion 2.86 on. Namespaces that are not Nova's are
// the operator's own and hold anything.

import { nearest } from '#/lib/nearest.ts';

type Rule = 'text' | 'boolean' | 'integer' | 'number' | readonly string[];

const known: Record<string, Rule> = {
  'hw:cpu_policy': ['dedicated', 'shared', 'mixed'],
  'hw:cpu_thread_policy': ['prefer', 'isolate', 'require'],
  'hw:cpu_sockets': 'integer',
  'hw:cpu_cores': 'integer',
  'hw:cpu_threads': 'integer',
  'hw:cpu_max_sockets': 'integer',
  'hw:cpu_max_cores': 'integer',
  'hw:cpu_max_threads': 'integer',
  'hw:numa_nodes': 'integer',
  'hw:mem_page_size': 'text',
  'hw:mem_encryption': 'boolean',
  'hw:boot_menu': 'boolean',
  'hw:hide_hypervisor_id': 'boolean',
  'hw:pmu': 'boolean',
  'hw:serial_port_count': 'integer',
  'hw:vif_multiqueue_enabled': 'boolean',
  'hw:watchdog_action': ['none', 'pause', 'poweroff', 'reset', 'disabled'],
  'hw:tpm_version': ['1.2', '2.0'],
  'hw:tpm_model': ['tpm-tis', 'tpm-crb'],
  'hw_rng:allowed': 'boolean',
  'hw_rng:rate_bytes': 'integer',
  'hw_rng:rate_period': 'integer',
  'hw_video:ram_max_mb': 'integer',
  'os:secure_boot': ['disabled', 'required'],
  'pci_passthrough:alias': 'text',
  'powervm:min_mem': 'integer',
  'quota:cpu_limit': 'integer',
  'quota:cpu_period': 'integer',
  'quota:cpu_quota': 'integer',
  'quota:cpu_reservation': 'integer',
  'quota:cpu_shares': 'integer',
  'quota:cpu_shares_level': 'text',
  'quota:cpu_shares_share': 'integer',
  'quota:disk_read_bytes_sec': 'integer',
  'quota:disk_read_iops_sec': 'integer',
  'quota:disk_total_bytes_sec': 'integer',
  'quota:disk_total_iops_sec': 'integer',
  'quota:disk_write_bytes_sec': 'integer',
  'quota:disk_write_iops_sec': 'integer',
  'quota:vif_inbound_average': 'integer',
  'quota:vif_inbound_burst': 'integer',
  'quota:vif_inbound_peak': 'integer',
  'quota:vif_outbound_average': 'integer',
  'quota:vif_outbound_burst': 'integer',
  'quota:vif_outbound_peak': 'integer',
};

/** Patterns of keys that carry a number or a name of their own. */
const patterns: [RegExp, Rule][] = [
  [/^hw:numa_(cpus|mem)\.\d+$/, 'text'],
  [/^hw:cpu_(realtime|realtime_mask|dedicated_mask|emulator_threads_policy)$/, 'text'],
  [
    /^hw:(emulator_threads_policy|maxphysaddr_mode|maxphysaddr_bits|locked_memory|viommu_model|virtio_packed_ring|input_bus|numa_.*)$/,
    'text',
  ],
  [/^(resources|trait|group_policy|accel:|capabilities:|aggregate_instance_extra_specs:|vmware:|hv:)/, 'text'],
];

const ours = new Set(['hw', 'hw_rng', 'hw_video', 'os', 'pci_passthrough', 'powervm', 'quota']);

/** Why an extra spec is refused, or null. */
export function extraSpecProblem(key: string, value: string): string | null {
  const rule = known[key] ?? patterns.find(([pattern]) => pattern.test(key))?.[1];
  if (!rule) {
    const namespace = key.includes(':') ? key.slice(0, key.indexOf(':')) : null;
    if (namespace === null || !ours.has(namespace)) return null;
    const near = nearest(key, Object.keys(known));
    return near ? `no such extra spec; did you mean ${near}?` : 'no such extra spec';
  }
  if (key.startsWith('trait') && !['required', 'forbidden'].includes(value))
    return `${value} is neither required nor forbidden`;
  if (rule === 'text') return null;
  if (rule === 'boolean')
    return /^(true|false|1|0|yes|no|on|off|t|f|y|n)$/i.test(value) ? null : `${value} is not a boolean`;
  if (rule === 'integer') return /^-?\d+$/.test(value) ? null : `${value} is not an integer`;
  if (rule === 'number') return Number.isFinite(Number(value)) ? null : `${value} is not a number`;
  return rule.includes(value) ? null : `${value} is not one of ${rule.join(', ')}`;
}
