// `haneul invite`: a token with which one machine joins; and the invitations that are still good.

import { hostOffers, machineRoles } from '#/platform/config/formats.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { machineTexts as t } from './machine-texts.ts';

export interface InviteOptions extends DataOption {
  roles?: string;
  lifetime?: string;
  rejoin?: string;
  list?: boolean;
  revoke?: string;
  json?: boolean;
}

interface InvitationView {
  id: string;
  roles: string[];
  name: string | null;
  expires: string;
}

export async function invite(context: Context, options: InviteOptions): Promise<number> {
  const { print, say } = context;
  const roles = rolesFrom(options.roles);
  const lifetimeSeconds = secondsFrom(options.lifetime ?? '1h');
  const cloud = await connectCloud(context, options);
  if (options.revoke !== undefined) {
    await cloud('POST', `/haneul/invitations/${encodeURIComponent(options.revoke)}/revoke`);
    print(say(t.revoked));
    return 0;
  }
  if (options.list) {
    const { invitations } = (await cloud<{ invitations: InvitationView[] }>('GET', '/haneul/invitations')).body;
    if (options.json) print(JSON.stringify(invitations, null, 2));
    else if (invitations.length === 0) print(say(t.noInvitations));
    else
      for (const { id, roles: of, name, expires } of invitations)
        print(`${id}  ${of.join(',')}${name === null ? '' : ` (${name})`}  ${expires.slice(0, 19)}`);
    return 0;
  }
  const { body } = await cloud<{ id: string; token: string; expires: string }>('POST', '/haneul/invitations', {
    body: { roles, lifetime_seconds: lifetimeSeconds, name: options.rejoin ?? null },
  });
  if (options.json) print(JSON.stringify(body, null, 2));
  else if (!process.stdout.isTTY) print(body.token);
  else {
    print(say(t.joinWith, { expires: body.expires.slice(0, 16).replace('T', ' ') }));
    print(`./haneul join ${body.token}${roles.join() === 'host' ? '' : ` --roles ${roles.join(',')}`}`);
  }
  return 0;
}

/** @throws Problem invalid */
export function rolesFrom(text = 'host'): string[] {
  return wordsFrom('--roles', text, machineRoles);
}

/** @throws Problem invalid */
export function offersFrom(text = hostOffers.join(',')): string[] {
  return wordsFrom('--offers', text, hostOffers);
}

function wordsFrom(option: string, text: string, allowed: readonly string[]): string[] {
  const words = [...new Set(text.split(',').map(word => word.trim()))];
  for (const word of words)
    if (!allowed.includes(word)) throw new Problem('invalid', t.badWord, { option, word, allowed });
  return words;
}

/** `90s`, `10m`, `1h`, `7d`. @throws Problem invalid */
export function secondsFrom(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * { s: 1, m: 60, h: 3600, d: 86_400 }[(unit ?? 's') as 's' | 'm' | 'h' | 'd'];
  if (!(seconds >= 10 && seconds <= 604_800)) throw new Problem('invalid', t.badLifetime, { value: text });
  return seconds;
}
