// Answers on the wire: bodies, older shapes, and refusals in each service's own shape.

import type { ServerResponse } from 'node:http';
import {
  compareVersions,
  type Endpoint,
  type Microversion,
  type Reply,
  type RequestFacts,
} from '#/platform/http/endpoint.ts';
import { MethodNotAllowed } from '#/platform/http/router.ts';
import { fits, misfit } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { statusOf } from '#/platform/http/status.ts';
import { httpTexts } from '#/platform/http/texts.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

/** Says a refusal, or a bug, in the service's own shape. */
export function sendProblem(
  outgoing: ServerResponse,
  request: RequestFacts,
  service: Service | undefined,
  thrown: unknown,
  { log, publicUrl }: { log: Logger; publicUrl(): string },
): void {
  if (outgoing.headersSent) {
    log.error({ requestId: request.id, error: thrown }, 'failed while answering');
    outgoing.destroy();
    return;
  }
  if (thrown instanceof MethodNotAllowed) {
    outgoing.setHeader('allow', thrown.allowed.join(', '));
    const message = t.noMethod.say(request.language, { method: request.method, allowed: thrown.allowed });
    return sendWire(outgoing, request, thrown.service, {
      status: 405,
      kind: 'invalid',
      textId: t.noMethod.id,
      message,
      facts: {},
      requestId: request.id,
    });
  }
  if (!(thrown instanceof Problem)) {
    log.error({ requestId: request.id, method: request.method, url: request.url.split('?')[0], error: thrown }, 'bug');
    const message = t.bug.say(request.language, { requestId: request.id });
    return sendWire(outgoing, request, service, {
      status: 500,
      kind: 'bug',
      textId: t.bug.id,
      message,
      facts: {},
      requestId: request.id,
    });
  }
  if (thrown.cause) log.info({ requestId: request.id, problem: thrown.text.id, cause: thrown.cause }, 'refused');
  if (thrown.kind === 'unauthenticated')
    outgoing.setHeader('www-authenticate', `Keystone uri="${publicUrl()}/identity"`);
  if (thrown.kind === 'unavailable') outgoing.setHeader('retry-after', '5');
  const status =
    thrown.kind === 'unsupported' && thrown.text === t.badContentType
      ? 415
      : thrown.text === httpTexts.tooManyLines
        ? 431
        : (service?.statusOf?.[thrown.kind] ?? statusOf[thrown.kind]);
  sendWire(outgoing, request, service, {
    status,
    kind: thrown.kind,
    textId: thrown.text.id,
    message: thrown.say(request.language),
    facts: thrown.facts,
    requestId: request.id,
  });
}

export function sayVersion(outgoing: ServerResponse, service: Service, version: Microversion): void {
  const range = service.microversions;
  if (!range) {
    // Who asks decides what is answered.
    outgoing.setHeader('vary', 'X-Auth-Token');
    return;
  }
  const text = `${version.major}.${version.minor}`;
  outgoing.setHeader('openstack-api-version', `${range.type} ${text}`);
  if (range.legacyHeader) outgoing.setHeader(range.legacyHeader, text);
  outgoing.setHeader(
    'vary',
    range.legacyHeader ? `OpenStack-API-Version, ${range.legacyHeader}` : 'OpenStack-API-Version',
  );
}

function statusIn(reply: Reply): number {
  for (const key of Object.keys(reply)) if (key !== 'headers') return Number(key);
  throw new Error('a handler answered without a status');
}

export function inOlderShape(endpoint: Endpoint, reply: Reply, version: Microversion): Reply {
  const status = statusIn(reply);
  for (const { before, change } of endpoint.older)
    if (compareVersions(version, before) < 0) reply[status] = change(reply[status]);
  return reply;
}

export function checkReply(endpoint: Endpoint, reply: Reply): void {
  const status = statusIn(reply);
  const name = `${endpoint.method} ${endpoint.path}${endpoint.action ? ` (${endpoint.action})` : ''}`;
  if (!(status in endpoint.replies)) throw new Error(`${name} answered an undeclared status ${status}`);
  const schema = endpoint.replies[status];
  const body = reply[status];
  if (!schema || Buffer.isBuffer(body) || typeof body === 'string') return;
  const wire: unknown = JSON.parse(JSON.stringify(body));
  if (fits(schema, wire)) return;
  const { where, why } = misfit(schema, wire);
  throw new Error(`${name}: its reply does not fit its schema at ${where}: ${why}`);
}

export function send(outgoing: ServerResponse, request: RequestFacts, reply: Reply): void {
  const status = statusIn(reply);
  const body = reply[status];
  if (reply.headers) for (const [name, value] of Object.entries(reply.headers)) outgoing.setHeader(name, value);
  if (body === undefined || body === null) {
    if (status !== 204 && status !== 304) outgoing.setHeader('content-length', '0');
    outgoing.writeHead(status).end();
    return;
  }
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  if (!outgoing.hasHeader('content-type')) outgoing.setHeader('content-type', 'application/json');
  outgoing.setHeader('content-length', bytes.length);
  outgoing.writeHead(status);
  outgoing.end(request.method === 'HEAD' ? undefined : bytes);
}

function sendWire(
  outgoing: ServerResponse,
  request: RequestFacts,
  service: Service | undefined,
  wire: Parameters<Service['envelope']>[0],
): void {
  const { body, type } = service
    ? service.envelope(wire)
    : { body: { error: { code: wire.status, message: wire.message } }, type: undefined };
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  outgoing.setHeader('content-language', request.language);
  outgoing.appendHeader('vary', 'Accept-Language');
  outgoing.setHeader('content-type', type ?? 'application/json');
  outgoing.setHeader('content-length', bytes.length);
  outgoing.writeHead(wire.status);
  outgoing.end(request.method === 'HEAD' ? undefined : bytes);
}
