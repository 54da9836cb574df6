// Every change that identity makes is told as an event with a CADF record (DMTF DSP0262), in the change's own transaction:
// what is refused, rolled back or only tried leaves none.

import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import type { Asked, Endpoint, Reply, RequestFacts } from '#/platform/http/endpoint.ts';
import { readOAuthHeader } from '#/services/identity/oauth/oauth-signature.rules.ts';
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
  trust: 'OS-TRUST:trust',
  consumer: 'OS-OAUTH1:consumer',
  access_token: 'OS-OAUTH1:access_token',
  request_token: 'OS-OAUTH1:request_token',
};

/** `identity:create_user` → `user`, `created`; null for what changes nothing that is told of. */
export function changeOf({
  policy,
  method,
  path,
}: Pick<Endpoint, 'policy' | 'method' | 'path'>): [string, string] | null {
  if (policy === 'public') {
    const [, oauth] = /OS-OAUTH1\/(request_token|access_token)$/.exec(path) ?? [];
    if (oauth !== undefined) return [resources[oauth]!, 'created'];
    return path.endsWith('/password') ? ['user', 'updated'] : null;
  }
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
  const id = idIn(reply) ?? Object.values(path).at(-1) ?? what;
  await emit(tx, {
    type: `identity.${what}.${verb}`,
    projectId: caller.projectId,
    resourceId: id,
    payload: cadfEvent(tx, request, {
      action: `${verb}.${what}`,
      outcome: 'success',
      initiator: {
        id: caller.userId === '' ? (path['user_id'] ?? consumerOf(request) ?? 'unknown') : caller.userId,
        ...(caller.projectId === null ? {} : { project_id: caller.projectId }),
        ...(caller.domainId === null ? {} : { domain_id: caller.domainId }),
      },
      target: { typeURI: `data/security/${what}`, id, ...path },
    }),
  });
}

/** The id of what was made, or changed: in a body of JSON, or in OAuth's form. */
function idIn(reply: Reply): string | undefined {
  const made = Object.entries(reply).find(([status]) => status !== 'headers')?.[1];
  if (Buffer.isBuffer(made)) return new URLSearchParams(made.toString()).get('oauth_token') ?? undefined;
  if (typeof made !== 'object' || made === null) return undefined;
  const shown = Object.values(made)[0] as { id?: unknown } | undefined;
  return typeof shown?.id === 'string' ? shown.id : undefined;
}

function consumerOf({ headers }: RequestFacts): string | undefined {
  return readOAuthHeader(headers.authorization)?.['oauth_consumer_key'];
}

export interface CadfFacts {
  action: string;
  outcome: 'success' | 'pending' | 'failure';
  initiator?: Wire & { id: string };
  target?: Wire & { typeURI: string; id: string };
  reason?: { reasonType: string; reasonCode: string };
  /** How many of the like were not told before it. */
  leftOut?: number;
}

/** The record of something that was tried by a request. */
export function cadfEvent(
  tx: Tx,
  request: RequestFacts,
  { action, outcome, initiator, target, reason, leftOut = 0 }: CadfFacts,
): Wire {
  const host = { address: request.remoteAddress, agent: request.headers['user-agent']?.slice(0, 200) ?? '' };
  return {
    typeURI: 'http://schemas.dmtf.org/cloud/audit/1.0/event',
    id: newId(tx),
    eventType: 'activity',
    eventTime: printed(now(tx)),
    action,
    outcome,
    initiator: { typeURI: 'service/security/account/user', ...initiator, host },
    target,
    observer: { typeURI: 'service/security', id: 'identity' },
    resource_info: target?.id,
    ...(reason ? { reason } : {}),
    ...(leftOut > 0
      ? { attachments: [{ name: 'left_out', typeURI: 'mime:text/plain', content: String(leftOut) }] }
      : {}),
  };
}
