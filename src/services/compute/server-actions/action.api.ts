// What was done to a server, and how it went. API: Compute, "Servers actions".

import { listHosts } from '#/host/hosts.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, since } from '#/platform/http/endpoint.ts';
import { nextLink, pageLimit } from '#/platform/http/page.ts';
import { any, array, as, object, open } from '#/platform/http/schema.ts';
import { explainOperation } from '#/platform/operations/explain.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import { operationsOf } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { admin, projectReader } from '#/services/compute/allow.ts';
import { type Action, type ActionEvent, actionsOf, eventsOf } from '#/services/compute/server-actions/action.store.ts';
import { findServer } from '#/services/compute/servers/server.store.ts';
import { hostIdOf } from '#/services/compute/servers/server.view.ts';
import { t } from '#/services/compute/texts.ts';
import { one, queryTime } from '#/services/compute/wire.ts';

const anything = as<Record<string, unknown>>(any());

interface Found {
  id: string;
  projectId: string;
  userId: string;
  actions: Action[];
}

/** From 2.21 on, also of servers that are no more. */
const find: Finder<Found> = {
  async find({ tx, path }) {
    const id = path['server_id']!;
    const actions = await actionsOf(tx, id);
    const server = await findServer(tx, id);
    if (server) return { id, projectId: server.projectId, userId: server.userId, actions };
    const first = actions.at(-1);
    return first && { id, projectId: first.projectId, userId: first.userId, actions };
  },
  missing: path => new Problem('notFound', t.serverNotFound, { id: path['server_id']?.slice(0, 255) }),
};

function view(action: Action, version: Microversion, language: string): Record<string, unknown> {
  return {
    action: action.action,
    instance_uuid: action.serverId,
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    start_time: action.startedAt,
    message: action.message === null ? null : reviveProblem(action.message).say(language),
    ...(since(version, '2.58') ? { updated_at: action.updatedAt } : {}),
  };
}

const list = endpoint({
  policy: 'os_compute_api:os-instance-actions:list',
  allow: projectReader,
  route: 'GET /v2.1/servers/{server_id}/os-instance-actions',
  find,
  replies: { 200: open({ instanceActions: array(anything) }) },
  async handle({ tx, found, query, version, request }) {
    await mustStillBe(tx, found, version);
    let actions = found.actions;
    if (!since(version, '2.58'))
      return { 200: { instanceActions: actions.map(action => view(action, version, request.language)) } };
    const from = queryTime(query, 'changes-since');
    const until = since(version, '2.66') ? queryTime(query, 'changes-before') : undefined;
    actions = actions.filter(
      action => (from === undefined || action.updatedAt >= from) && (until === undefined || action.updatedAt <= until),
    );
    const marker = one(query, 'marker');
    if (marker !== undefined) {
      const at = actions.findIndex(action => action.requestId === marker);
      if (at < 0) throw new Problem('invalid', platformTexts.invalidMarker, { marker: marker.slice(0, 80) });
      actions = actions.slice(at + 1);
    }
    const limit = pageLimit(query['limit']);
    const page = actions.slice(0, limit);
    const links =
      actions.length > limit && page.length
        ? { links: [{ rel: 'next', href: nextLink(request, page.at(-1)!.requestId) }] }
        : {};
    return { 200: { instanceActions: page.map(action => view(action, version, request.language)), ...links } };
  },
});

async function mustStillBe(tx: Tx, { id }: Found, version: Microversion): Promise<void> {
  if (!since(version, '2.21') && !(await findServer(tx, id))) throw new Problem('notFound', t.serverNotFound, { id });
}

const eventsRule = 'os_compute_api:os-instance-actions:events';
const detailsRule = 'os_compute_api:os-instance-actions:events:details';

const show = (kinds: ReadonlyMap<string, OperationKind>) =>
  endpoint({
    policy: 'os_compute_api:os-instance-actions:show',
    allow: projectReader,
    route: 'GET /v2.1/servers/{server_id}/os-instance-actions/{request_id}',
    find,
    replies: { 200: object({ instanceAction: anything }) },
    async handle({ tx, found, path, caller, policy, version, request }) {
      await mustStillBe(tx, found, version);
      const action = found.actions.find(one => one.requestId === path['request_id']);
      if (!action)
        throw new Problem('notFound', t.actionNotFound, { id: found.id, request: path['request_id']!.slice(0, 80) });
      const target = { project_id: found.projectId, user_id: found.userId };
      const full = policy.allows(eventsRule, caller.credentials, target);
      const instanceAction = view(action, version, request.language);
      if (full || since(version, '2.51')) {
        const details = policy.allows(detailsRule, caller.credentials, target);
        const events = await eventsOf(tx, action.id);
        const waits = details ? await whyUnfinished(tx, action, kinds, request.language) : null;
        instanceAction['events'] = events.map(event =>
          eventView(event, found.projectId, { version, language: request.language, full, details, waits }),
        );
      }
      return { 200: { instanceAction } };
    },
  });

/** What the operation that the action began waits for, and what happens next. */
async function whyUnfinished(
  tx: Tx,
  { serverId, requestId }: Action,
  kinds: ReadonlyMap<string, OperationKind>,
  language: string,
): Promise<string | null> {
  const operation = (await operationsOf(tx, serverId)).find(
    one => one.requestId === requestId && (one.phase === 'forward' || one.phase === 'undo'),
  );
  return operation
    ? explainOperation(operation, { kinds, hosts: await listHosts(tx), nowMs: nowMs(tx), language })
    : null;
}

/** The traceback is the administrator's; from 2.84 on, what went wrong is everybody's. */
function eventView(
  event: ActionEvent,
  projectId: string,
  asked: { version: Microversion; language: string; full: boolean; details: boolean; waits: string | null },
): Record<string, unknown> {
  const { version, language, full, details, waits } = asked;
  const unfinished = event.finishedAt === null ? waits : null;
  const said = event.details === null ? unfinished : reviveProblem(event.details).say(language);
  return {
    event: event.event,
    start_time: event.startedAt,
    finish_time: event.finishedAt,
    result: event.result,
    ...(full ? { traceback: event.result === 'Error' ? said : null } : {}),
    ...(since(version, '2.62')
      ? { ...(full ? { host: event.host } : {}), hostId: hostIdOf(projectId, event.host) }
      : {}),
    ...(since(version, '2.84') ? { details: details || event.result === 'Error' ? said : null } : {}),
  };
}

/** @param kinds the service's operations: an unfinished action is explained by its own */
export const actionEndpoints = (kinds: OperationKind[]) => [list, show(new Map(kinds.map(kind => [kind.kind, kind])))];
export const actionRules = { [eventsRule]: admin, [detailsRule]: admin };
