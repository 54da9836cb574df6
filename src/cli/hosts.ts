// `haneul hosts`: the machines of the cloud, and taking one out of use, back, or away.

import { Problem } from '#/platform/problem/problem.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { machineTexts as t } from './machine-texts.ts';
import { pad } from './operations.ts';
import { columns } from './up.ts';

export interface HostsOptions extends DataOption {
  reason?: string;
  json?: boolean;
}

interface MachineView {
  name: string;
  address: string | null;
  roles: string[];
  offers: string[];
  up: boolean | null;
  enabled: boolean;
  disabled_reason: string | null;
  servers: number;
  volumes: number;
  last_seen: string | null;
  version: string | null;
}

export async function hosts(
  context: Context,
  action: string,
  name: string | undefined,
  options: HostsOptions,
): Promise<number> {
  const { print, say } = context;
  if (!['list', 'disable', 'enable', 'drain', 'remove'].includes(action))
    throw new Problem('invalid', t.badAction, { word: action });
  if (action !== 'list' && name === undefined) throw new Problem('invalid', t.needsName, { action });
  const cloud = await connectCloud(context, options);
  if (action === 'list') {
    const { body } = await cloud<{ hosts: MachineView[] }>('GET', '/haneul/hosts');
    if (options.json) print(JSON.stringify(body.hosts, null, 2));
    else table(context, body.hosts);
    return 0;
  }
  if (action === 'drain') return (await import('./drain.ts')).drain(context, cloud, name!, options.reason);
  const path = `/haneul/hosts/${encodeURIComponent(name!)}/${action}`;
  const asked = action === 'disable' ? { body: { reason: options.reason ?? null } } : {};
  await cloud('POST', path, asked);
  print(say(action === 'remove' ? t.removed : action === 'enable' ? t.nowEnabled : t.nowDisabled, { name }));
  return 0;
}

function table({ print, say }: Context, machines: MachineView[]): void {
  const head = [
    t.nameHead,
    t.addressHead,
    t.rolesHead,
    t.offersHead,
    t.stateHead,
    t.serversHead,
    t.volumesHead,
    t.versionHead,
  ];
  const rows = machines.map(machine => [
    machine.name,
    machine.address ?? '-',
    machine.roles.join(','),
    machine.offers.join(',') || '-',
    stateOf(machine),
    String(machine.servers),
    String(machine.volumes),
    machine.version ?? '-',
  ]);
  const all = [head.map(text => say(text)), ...rows];
  const widths = head.map((_, at) => Math.max(...all.map(row => columns(row[at]!))));
  for (const row of all)
    print(
      row
        .map((cell, at) => pad(cell, widths[at]!))
        .join('  ')
        .trimEnd(),
    );

  function stateOf({ up, enabled, disabled_reason: reason, last_seen: since }: MachineView): string {
    const states = [
      up === null ? '-' : up ? say(t.up) : say(t.down, { since: since?.slice(0, 19) ?? '-' }),
      ...(enabled ? [] : [reason === null ? say(t.disabled) : say(t.disabledBecause, { reason })]),
    ];
    return states.join(', ');
  }
}
