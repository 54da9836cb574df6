// Diagnostics from 2.48 on: one form whatever the hypervisor, made of the counters that the driver gives. Pure.

import type { PortInfo } from '#/services/network/contract.ts';

const states: Record<string, string> = {
  running: 'running',
  paused: 'paused',
  stopped: 'shutdown',
  crashed: 'crashed',
};

export function unifiedDiagnostics(
  raw: Record<string, unknown>,
  about: { configDrive: boolean; ports: Pick<PortInfo, 'mac' | 'tap'>[]; hypervisor: string },
): Record<string, unknown> {
  const number = (key: string): number | null => (typeof raw[key] === 'number' ? raw[key] : null);
  const keys = Object.keys(raw);
  const cpus = keys.filter(key => /^cpu\d+_time$/.test(key));
  const disks = keys.filter(key => key.endsWith('_read_req')).map(key => key.slice(0, -'_read_req'.length));
  const memory = number('memory');
  const used = number('memory-rss');
  return {
    state: states[String(raw['state'])] ?? 'pending',
    driver: 'libvirt',
    hypervisor: about.hypervisor.toLowerCase(),
    hypervisor_os: 'linux',
    uptime: number('uptime'),
    config_drive: about.configDrive,
    num_cpus: cpus.length,
    num_disks: disks.length,
    num_nics: about.ports.length,
    memory_details: {
      maximum: memory === null ? null : Math.round(memory / 1024),
      used: used === null ? null : Math.round(used / 1024),
    },
    cpu_details: cpus.map((key, id) => ({ id, time: number(key), utilisation: null })),
    disk_details: disks.map(disk => ({
      read_bytes: number(`${disk}_read`),
      read_requests: number(`${disk}_read_req`),
      write_bytes: number(`${disk}_write`),
      write_requests: number(`${disk}_write_req`),
      errors_count: number(`${disk}_errors`),
    })),
    nic_details: about.ports.map(({ mac, tap }) => ({
      mac_address: mac,
      rx_octets: number(`${tap}_rx`),
      rx_packets: number(`${tap}_rx_packets`),
      rx_errors: number(`${tap}_rx_errors`),
      rx_drop: number(`${tap}_rx_drop`),
      rx_rate: null,
      tx_octets: number(`${tap}_tx`),
      tx_packets: number(`${tap}_tx_packets`),
      tx_errors: number(`${tap}_tx_errors`),
      tx_drop: number(`${tap}_tx_drop`),
      tx_rate: null,
    })),
  };
}
