// Every change that identity makes is told as an event with a CADF record (DMTF DSP0262), in the change's own transaction:
// what is refused, rolled back or only tried leaves none.

import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import type { Asked, Endpoint, Reply } from '#/platform/http/endpoint.ts';
import { printed, type Wire } from '#/services/identity/wire.ts';

/** How rules' verbs read when it is done. */
const done: Record<string, string> = {
  create: 'created',
  add: 'created',
  authorize: 'created',
  ec2: 'created',
  update: 'updated',
  set: 'updated',
  delete: 'deleted',
  remove: 'deleted',
  revoke: 'deleted',
  rotate: 'rotated',
};

/** Longer names of what rules speak of. */
const resources: Record<string, string> = {
  grant: 'role_assignment',
  system_grant_for_user: 'role_assignment',
  system_grant_for_group: 'role_assignment',
  user_to_group: 'group_membership',
  user_from_group: 'group_membership',
};

/** `identity:create_user` → `user`, `created`; null for what changes nothing that is told of. */
export function changeOf({
  policy,
  method,
  path,
}: Pick<Endpoint, 'policy' | 'method' | 'path'>): [string, string] | null {
  if (policy === 'public') return path.endsWith('/password') ? ['user', 'updated'] : null;
  const name = policy.split(':').at(-1)!;
  const ec2 = /^ec2_(create|delete)_credential$/.exec(name);
  if (ec2) return ['credential', done[ec2[1]!]!];
  const cut = name.indexOf('_');
  const verb = done[name.slice(0, cut)];
  if (verb === undefined) return null;
  const what = name.slice(cut + 1);
  // Rules of several calls are told apart by the method.
  return [resources[what] ?? what, method === 'DELETE' ? 'deleted' : verb];
}

/** The same call, telling of what it changed. */
export function told(endpoint: Endpoint): Endpoint {
  const change = endpoint.writes && endpoint.handle ? changeOf(endpoint) : null;
  if (!change) return endpoint;
  const { handle } = endpoint;
  return {
    ...endpoint,
    async handle(asked: Asked<unknown, unknown, unknown> & { tx: Tx }) {
      const reply = await handle!(asked);
      await tell(asked, change, reply);
      return reply;
    },
  };
}

async function tell(
  { tx, caller, path, request }: Asked<unknown, unknown, unknown> & { tx: Tx },
  [what, verb]: [string, string],
  reply: Reply,
): Promise<void> {
  const made = Object.values(reply).find(body => typeof body === 'object' && body !== null) as Wire | undefined;
  const shown = Object.values(made ?? {})[0] as { id?: unknown } | undefined;
  const id = typeof shown?.id === 'string' ? shown.id : (Object.values(path).at(-1) ?? what);
  await emit(tx, {
    type: `identity.${what}.${verb}`,
    projectId: caller.projectId,
    resourceId: id,
    payload: {
      typeURI: 'http://schemas.dmtf.org/cloud/audit/1.0/event',
      id: newId(tx),
      eventType: 'activity',
      eventTime: printed(now(tx)),
      action: `${verb}.${what}`,
      outcome: 'success',
      initiator: {
        typeURI: 'service/security/account/user',
        id: caller.userId === '' ? path['user_id'] : caller.userId,
        ...(caller.projectId === null ? {} : { project_id: caller.projectId }),
        ...(caller.domainId === null ? {} : { domain_id: caller.domainId }),
        host: { address: request.remoteAddress, agent: request.headers['user-agent']?.slice(0, 200) ?? '' },
      },
      target: { typeURI: `data/security/${what}`, id, ...path },
      observer: { typeURI: 'service/security', id: 'identity' },
      resource_info: id,
    },
  });
}
