// Which of their roles a caller hands on.

import type { Caller } from '#/platform/access/caller.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

/** Ids of the asked roles, by id or name; all that the token has where none are named. @throws Problem invalid for roles not held */
export function delegable(caller: Caller, asks: { id?: string; name?: string }[] | undefined): string[] {
  const held = caller.token['roles'] as { id: string; name: string }[];
  if (!asks?.length) return held.map(({ id }) => id);
  const ids = asks.map(({ id, name }) => {
    const role = held.find(own => (id === undefined ? own.name === name : own.id === id));
    if (!role) throw new Problem('invalid', t.roleNotHeld, { role: (id ?? name ?? '').slice(0, 80) });
    return role.id;
  });
  return [...new Set(ids)];
}
