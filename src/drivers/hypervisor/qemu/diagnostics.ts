// Counters of a running guest, in the shape of Nova's standardized diagnostics (microversion 2.48).

import { readFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';

interface BlockStats {
  qdev?: string;
  stats: Record<string, number>;
}

/** Kernel clock ticks are 10 ms on every Linux that QEMU runs on (USER_HZ). */
const nanosecondsPerTick = 10_000_000;

export async function diagnose(machine: Machine): Promise<Record<string, unknown>> {
  const qmp = machine.control();
  const cpus = await qmp.execute<{ 'cpu-index': number; 'thread-id': number }[]>('query-cpus-fast');
  const blocks = await qmp.execute<BlockStats[]>('query-blockstats');
  const { actual } = await qmp.execute<{ actual: number }>('query-balloon');
  const { status } = await qmp.execute<{ status: string }>('query-status');
  const memory = await qmp.execute<{ 'base-memory': number }>('query-memory-size-summary');
  const nics = await taps(machine);
  const cpuDetails = await Promise.all(
    cpus.map(async cpu => ({
      id: cpu['cpu-index'],
      time: await cpuTime(machine.pid ?? 0, cpu['thread-id']),
      utilisation: null,
    })),
  );
  const disks = blocks.filter(block => block.qdev);
  return {
    state: status === 'paused' ? 'paused' : 'running',
    driver: 'libvirt',
    hypervisor: machine.state.accelerator === 'kvm' ? 'kvm' : 'qemu',
    hypervisor_os: 'linux',
    uptime: machine.pid === null ? null : await uptimeSeconds(machine.pid),
    config_drive: blocks.some(block => block.qdev?.includes('local-config')),
    num_cpus: cpus.length,
    num_nics: nics.length,
    num_disks: disks.length,
    cpu_details: cpuDetails,
    nic_details: nics,
    disk_details: disks.map(({ stats }) => ({
      read_bytes: stats['rd_bytes'],
      read_requests: stats['rd_operations'],
      write_bytes: stats['wr_bytes'],
      write_requests: stats['wr_operations'],
      errors_count: (stats['failed_rd_operations'] ?? 0) + (stats['failed_wr_operations'] ?? 0),
    })),
    memory_details: { maximum: memory['base-memory'] / 1024 ** 2, used: actual / 1024 ** 2 },
  };
}

/** Fields of /proc/…/stat after the name, which may hold spaces: [0] is field 3. */
async function statFields(path: string): Promise<string[]> {
  const line = await readFile(path, 'latin1');
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

async function cpuTime(pid: number, thread: number): Promise<number | null> {
  const fields = await statFields(`/proc/${pid}/task/${thread}/stat`).catch(() => null);
  return fields && (Number(fields[11]) + Number(fields[12])) * nanosecondsPerTick;
}

async function uptimeSeconds(pid: number): Promise<number | null> {
  try {
    const started = Number((await statFields(`/proc/${pid}/stat`))[19]) / 100;
    return Math.round(Number((await readFile('/proc/uptime', 'latin1')).split(' ')[0]) - started);
  } catch {
    return null;
  }
}

/** What the host receives on a tap the guest has sent, so the two sides swap. */
async function taps(machine: Machine): Promise<Record<string, unknown>[]> {
  const peripherals = await machine.control().execute<{ name: string }[]>('qom-list', { path: '/machine/peripheral' });
  const lines = (await readFile('/proc/self/net/dev', 'latin1')).split('\n');
  const details: Record<string, unknown>[] = [];
  for (const { name } of peripherals) {
    if (!name.startsWith('nic-')) continue;
    const mac = await machine
      .control()
      .execute<string>('qom-get', { path: `/machine/peripheral/${name}`, property: 'mac' });
    const tap = `tap${name.slice('nic-'.length, 'nic-'.length + 11)}`;
    const line = lines.find(text => text.trim().startsWith(`${tap}:`));
    const n =
      line
        ?.slice(line.indexOf(':') + 1)
        .trim()
        .split(/\s+/)
        .map(Number) ?? [];
    details.push({
      mac_address: mac,
      rx_octets: n[8] ?? null,
      rx_packets: n[9] ?? null,
      rx_errors: n[10] ?? null,
      rx_drop: n[11] ?? null,
      rx_rate: null,
      tx_octets: n[0] ?? null,
      tx_packets: n[1] ?? null,
      tx_errors: n[2] ?? null,
      tx_drop: n[3] ?? null,
      tx_rate: null,
    });
  }
  return details;
}
