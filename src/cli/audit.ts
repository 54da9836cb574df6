// `haneul audit`: whether rows, hosts and counts agree. Status 0 when all is well, 1 when something is wrong, 2 when
// nothing is but a host could not be asked.

import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';

interface Audit {
  violations: { invariant: string; resource: string; sentence: string }[];
  hosts: { name: string; up: boolean; answered: boolean; problem: string | null }[];
}

export async function audit(
  context: Context,
  options: DataOption & { json?: boolean; atRest?: boolean },
): Promise<number> {
  const { print, say } = context;
  const cloud = await connectCloud(context, options);
  const { body } = await cloud<Audit>('GET', `/haneul/audit${options.atRest ? '?at_rest=true' : ''}`);
  const { violations, hosts } = body;
  const silent = hosts.filter(host => !host.answered);
  if (options.json) print(JSON.stringify(body, null, 2));
  else {
    for (const { invariant, resource, sentence } of violations) print(`${invariant}  ${resource}\n  ${sentence}`);
    for (const { name, problem } of silent) print(say(o.hostSilent, { name, problem }));
    const count = violations.length;
    if (count) print(say(o.auditWrong, { count }));
    else print(silent.length ? say(o.auditPartly) : say(o.auditClean, { hosts: hosts.length }));
  }
  if (violations.length) return 1;
  return silent.length ? 2 : 0;
}
