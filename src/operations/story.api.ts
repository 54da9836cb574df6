// The story of one request: the operations that it began and the events that it caused.

import { eventsOfRequest } from '#/platform/events/events.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { any, array, nullable, object, string } from '#/platform/http/schema.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import { listOperations } from '#/platform/operations/operation.store.ts';
import { operationView, viewOperations } from '#/operations/operation.view.ts';

const eventView = object({
  at: string(),
  type: string(),
  resource_id: string(),
  project_id: nullable(string()),
  payload: any(),
});

/** Bounds of what one answer tells. */
const most = 1_000;

export function storyEndpoint(kindList: OperationKind[]): Endpoint {
  const kinds = new Map(kindList.map(kind => [kind.kind, kind]));
  return endpoint({
    policy: 'haneul:requests:show',
    allow: 'role:admin',
    route: 'GET /requests/{request_id}',
    replies: { 200: object({ request_id: string(), operations: array(operationView), events: array(eventView) }) },
    async handle({ tx, path, request }) {
      const requestId = path['request_id']!;
      const rows = await listOperations(tx, { requestId }, { limit: most });
      const events = (await eventsOfRequest(tx, requestId, most)).map(event => ({
        at: `${event.at}Z`,
        type: event.type,
        resource_id: event.resourceId,
        project_id: event.projectId,
        payload: event.payload,
      }));
      const operations = await viewOperations(tx, rows.toReversed(), kinds, request.language);
      return { 200: { request_id: requestId, operations, events } };
    },
  });
}
