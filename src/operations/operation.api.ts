// Operations for operators: list them, ask why one is where it is, have it tried at once, or end it.

import { retrySubject } from '#/host/commands.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { afterCommit, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Endpoint, type Finder, type Query } from '#/platform/http/endpoint.ts';
import { nextLink, pageLimit } from '#/platform/http/page.ts';
import { array, boolean, object, oneOf, optional, string } from '#/platform/http/schema.ts';
import { kindAsBegun } from '#/platform/operations/as-begun.ts';
import { planKeysOf } from '#/platform/operations/explain.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import { findOperation, listOperations, type OperationRow, type Phase } from '#/platform/operations/operation.store.ts';
import { abandon, retryNow } from '#/platform/operations/operator.ts';
import { operatorTexts as t } from '#/platform/operations/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { operationView, phases, viewOperations } from '#/operations/operation.view.ts';

const admin = 'role:admin';
const find: Finder<OperationRow> = {
  find: ({ tx, path }) => findOperation(tx, path['operation_id']!),
  missing: path => new Problem('notFound', t.notFound, { id: path['operation_id']?.slice(0, 80) }),
};

const link = object({ rel: string(), href: string() });

export function operationEndpoints(kindList: OperationKind[], bus: Bus): Endpoint[] {
  const kinds = new Map(kindList.map(kind => [kind.kind, kind]));
  const one = async (tx: Tx, id: string, language: string) =>
    (await viewOperations(tx, [(await findOperation(tx, id))!], kinds, language))[0]!;
  return [
    endpoint({
      policy: 'haneul:operations:list',
      allow: admin,
      route: 'GET /operations',
      replies: { 200: object({ operations: array(operationView), operations_links: optional(array(link)) }) },
      async handle({ tx, query, request }) {
        const limit = pageLimit(query['limit'], 100);
        const after = await markerOf(tx, query);
        const rows = await listOperations(
          tx,
          {
            phases: phasesOf(query),
            kind: text(query, 'kind'),
            resourceId: text(query, 'resource_id'),
            projectId: text(query, 'project_id'),
            requestId: text(query, 'request_id'),
          },
          { limit: limit + 1, after },
        );
        const page = rows.slice(0, limit);
        const operations = await viewOperations(tx, page, kinds, request.language);
        if (rows.length <= limit || !page.length) return { 200: { operations } };
        const href = nextLink(request, page.at(-1)!.id);
        return { 200: { operations, operations_links: [{ rel: 'next', href }] } };
      },
    }),
    endpoint({
      policy: 'haneul:operations:show',
      allow: admin,
      route: 'GET /operations/{operation_id}',
      find,
      replies: { 200: object({ operation: operationView }) },
      handle: async ({ tx, found, request }) => ({ 200: { operation: await one(tx, found.id, request.language) } }),
    }),
    endpoint({
      policy: 'haneul:operations:retry',
      allow: admin,
      route: 'POST /operations/{operation_id}/retry',
      find,
      replies: { 202: object({ operation: operationView }) },
      async handle({ tx, found, request }) {
        await retryNow(tx, found, kindAsBegun(kinds, found));
        // Hosts wait longer and longer before they try again what failed.
        const kind = kindAsBegun(kinds, found);
        const hosts = new Set(kind ? planKeysOf(found, kind).map(key => key.host) : []);
        afterCommit(tx, () => hosts.forEach(host => bus.publish(retrySubject(host), null)));
        return { 202: { operation: await one(tx, found.id, request.language) } };
      },
    }),
    endpoint({
      policy: 'haneul:operations:abandon',
      allow: admin,
      route: 'POST /operations/{operation_id}/abandon',
      find,
      body: object({ force: optional(boolean()) }),
      bodyOptional: true,
      replies: { 202: object({ outcome: oneOf('unwinding', 'ended'), operation: operationView }) },
      async handle({ tx, found, body, request }) {
        const outcome = await abandon(tx, found, kindAsBegun(kinds, found), body.force ?? false);
        return { 202: { outcome, operation: await one(tx, found.id, request.language) } };
      },
    }),
  ];
}

/** @throws Problem invalid unless it names phases; `running` are all that have not ended */
function phasesOf(query: Query): Phase[] | undefined {
  const asked = query['phase'];
  if (asked === undefined) return undefined;
  return [asked].flat().flatMap((name): Phase[] => {
    if (name === 'running') return ['forward', 'undo'];
    const phase = phases.find(known => known === name);
    if (phase) return [phase];
    const why = `'${name.slice(0, 40)}' is none of running, ${phases.join(', ')}`;
    throw new Problem('invalid', platformTexts.invalidQuery, { where: 'phase', why });
  });
}

async function markerOf(tx: Tx, query: Query): Promise<OperationRow | undefined> {
  const marker = text(query, 'marker');
  if (marker === undefined) return undefined;
  const row = await findOperation(tx, marker);
  if (!row) throw new Problem('invalid', platformTexts.invalidMarker, { marker: marker.slice(0, 80) });
  return row;
}

function text(query: Query, name: string): string | undefined {
  return [query[name]].flat()[0];
}
