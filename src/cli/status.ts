// `haneul status`: processes, memory, hosts and health. Status 0 when the cloud answers, 1 when not.

import { version } from '#/version.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import type { Context, DataOption } from './context.ts';
import { type ProcessName, pssKibOf } from './process-facts.ts';
import { readCredentials } from './credentials-files.ts';
import { findBusServer } from './bus-server.ts';
import { runsBus } from './cluster-roles.ts';
import { rolesOf } from './roles.ts';
import { askHealth, findRunning, type Health } from './running.ts';
import type { Role } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';
import { columns } from './up.ts';

export async function status(context: Context, options: DataOption & { json?: boolean }): Promise<number> {
  const paths = context.paths(options);
  const running = findRunning(paths);
  const health: Health | null = running.url ? await askHealth(running.url, readCredentials(paths)) : null;
  const { roles: own, bus } = rolesHere(context, paths);
  const processes = [
    ['supervisor', running.supervisor] as const,
    ...(bus ? [['bus', findBusServer(paths)] as const] : []),
    ...own.map(role => [role, running.roles[role]] as const),
  ];
  // A machine without a control plane is well when its own part runs.
  const healthy = own.includes('control') ? health?.state === 'answers' : running.roles.agent !== null;
  if (options.json) {
    const describe = (name: ProcessName | null): object | null => name && { pid: name.pid, pssKib: pssKibOf(name.pid) };
    const roles = Object.fromEntries(processes.map(([role, name]) => [role, describe(name)]));
    context.print(
      JSON.stringify(
        {
          version,
          directory: paths.root,
          url: running.url,
          healthy,
          processes: roles,
          cloud: health?.state === 'answers' ? health.status : null,
        },
        null,
        2,
      ),
    );
    return healthy ? 0 : 1;
  }
  const { print, say } = context;
  if (processes.every(([, name]) => name === null)) {
    print(`${say(t.notRunning, { directory: paths.root })} ${say(t.startWith)}`);
    return 1;
  }
  const rows: [string, string][] = [['haneul', `${version}, ${paths.root}`]];
  let total = 0;
  for (const [role, name] of processes) {
    const pss = name && pssKibOf(name.pid);
    total += pss ?? 0;
    const memory = pss ? `, ${say(t.memory, { mib: Math.round(pss / 1024) })}` : '';
    rows.push([role, name ? say(t.running, { pid: name.pid }) + memory : say(t.off)]);
  }
  if (total > 0) rows.push([say(t.totalMemory), say(t.memory, { mib: Math.round(total / 1024) })]);
  if (own.includes('control'))
    rows.push([
      'API',
      `${running.url ?? '-'}  ${healthy ? say(t.answers) : say(t.silent, { reason: health?.state === 'silent' ? health.reason : '-' })}`,
    ]);
  const warnings: string[] = [];
  if (health?.state === 'answers') describeCloud(health.status, rows, warnings);
  const width = Math.max(...rows.map(([name]) => columns(name)));
  for (const [name, value] of rows) print(`${name}${' '.repeat(width - columns(name))}  ${value}`);
  for (const warning of new Set(warnings)) print(`\n${warning}`);
  return healthy ? 0 : 1;

  function describeCloud(
    cloud: (Health & { state: 'answers' })['status'],
    into: [string, string][],
    notes: string[],
  ): void {
    const hosts = Array.isArray(cloud.hosts) ? cloud.hosts : [];
    const shown = hosts
      .slice(0, 8)
      .map(host => `${host.name} (${[host.state, host.accelerator].filter(Boolean).join(', ')})`);
    if (hosts.length > 0)
      into.push([say(t.hosts), `${hosts.length}: ${shown.join(', ')}${hosts.length > 8 ? ' …' : ''}`]);
    for (const [name, count] of Object.entries(cloud.counts ?? {})) into.push([name, String(count)]);
    if (hosts.some(host => host.accelerator === 'tcg')) notes.push(say(t.tcgWarning));
    for (const { kvmProblem } of hosts) if (kvmProblem) notes.push(say(t.kvmReason, { reason: kvmProblem }));
  }
}

/** What is to run on this machine; with a configuration that cannot be read, what does by default. */
function rolesHere(context: Context, paths: DataPaths): { roles: Role[]; bus: boolean } {
  try {
    const config = context.config(paths);
    return { roles: rolesOf(config), bus: runsBus(config) };
  } catch {
    return { roles: ['control', 'agent'], bus: false };
  }
}
