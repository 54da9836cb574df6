// The HTTP listener: finds the endpoint, who asks, whether they may, reads and checks what they sent, runs the handler in
// one transaction, and says the answer in the service's own shape.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Authenticator, Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { type Clock, newUuid, type Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { parseJson, readBody } from '#/platform/http/body.ts';
import {
  type ConnectionLimits,
  connectionLimits,
  discardRest,
  endsAfter,
  guardConnections,
  refuse,
  targetOfRequest,
  watchPace,
} from '#/platform/http/connection.ts';
import {
  compareVersions,
  type Endpoint,
  type Finder,
  type Microversion,
  type Query,
  type Reply,
  type RequestFacts,
} from '#/platform/http/endpoint.ts';
import { choose, createRouter, type Match, MethodNotAllowed, spokenVersion } from '#/platform/http/router.ts';
import { misfit, fits, parse } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { statusOf } from '#/platform/http/status.ts';
import { httpTexts } from '#/platform/http/texts.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { languageOf } from '#/platform/text/text.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

export interface ServerOptions {
  services: Service[];
  db: Database;
  policy: Policy;
  authenticator: Authenticator;
  clock: Clock;
  random: Random;
  log: Logger;
  /** What clients are told: `http://127.0.0.1:8774`. Known only after listening when the port was 0, hence a function. */
  publicUrl(): string;
  /** Checks every reply against its schema and fails the request when it does not fit: for tests. */
  checkReplies?: boolean;
  /** Shorter times for tests. */
  limits?: Partial<ConnectionLimits>;
  /** Answers WebSocket upgrades; false when the path is not its own. */
  upgrade?(incoming: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Plain pages outside every service (`/`, the dashboard); false when the path is not its own. */
  page?(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
}

export interface HttpServer {
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Handles one request; for tests that need no socket. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

export function createHttpServer(options: ServerOptions): HttpServer {
  const { db, policy, authenticator, clock, random, log } = options;
  const router = createRouter(options.services);
  const limits = { ...connectionLimits, ...options.limits };
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: 0,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
    },
    (incoming, outgoing) => {
      connections.inTurn(incoming, outgoing, () => {
        handle(incoming, outgoing).catch((error: unknown) => {
          log.error({ error }, 'failed while answering');
          outgoing.destroy();
        });
      });
    },
  );
  const connections = guardConnections(server, clock, limits);
  server.on('upgrade', (incoming, socket, head) => {
    // From here on the server looks after neither its errors nor its time.
    socket.on('error', () => socket.destroy());
    incoming.socket.setTimeout(0);
    if (!options.upgrade?.(incoming, socket, head)) refuse(socket, clock, '404 Not Found');
  });

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const started = performance.now();
    const url = targetOfRequest(incoming.url ?? '/');
    const cut = url.indexOf('?');
    const pathname = cut < 0 ? url : url.slice(0, cut);
    const id = `req-${newUuid(random)}`;
    const service = router.serviceAt(pathname);
    const request: RequestFacts = {
      id,
      method: incoming.method ?? 'GET',
      url,
      base: `${options.publicUrl()}/${service?.name ?? ''}`,
      headers: incoming.headers,
      language: languageOf(incoming.headers['accept-language']),
      remoteAddress: incoming.socket.remoteAddress ?? '',
    };
    outgoing.setHeader('x-openstack-request-id', id);
    outgoing.setHeader('x-content-type-options', 'nosniff');
    try {
      if (incoming.rawHeaders.length > 2 * limits.headerLines)
        throw new Problem('tooLarge', httpTexts.tooManyLines, limits);
      if (!service && options.page?.(incoming, outgoing)) return;
      const match = router.match(request.method, pathname);
      const reply = await answer(match, request, cut < 0 ? '' : url.slice(cut + 1), incoming, outgoing);
      if (reply) send(outgoing, request, reply);
    } catch (thrown) {
      if (endsAfter(incoming, limits)) outgoing.shouldKeepAlive = false;
      sendProblem(outgoing, request, service, thrown);
    }
    discardRest(incoming, outgoing, clock, limits);
    const { method, url: line } = request;
    // Reads are many and change nothing.
    const quiet = (method === 'GET' || method === 'HEAD') && outgoing.statusCode < 500;
    log[quiet ? 'debug' : 'info'](
      {
        requestId: id,
        method,
        path: pathname,
        status: outgoing.statusCode,
        ms: Math.round((performance.now() - started) * 10) / 10,
        bytes: line.length,
      },
      'request',
    );
  }

  async function answer(
    { route, path }: Match,
    request: RequestFacts,
    queryText: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<Reply | undefined> {
    const { service } = route;
    const version = spokenVersion(service, request.headers);
    sayVersion(outgoing, service, version);
    // On action URLs the body says which endpoint it is, so whoever has no token is refused before it is read.
    const isPublic = route.endpoints[0]!.policy === 'public';
    let caller: Caller = nobody;
    if (!isPublic) {
      const known = authenticate(request);
      caller = known instanceof Promise ? await known : known;
      authenticator.checkCall?.(caller, service, request);
    }
    let body: unknown;
    let bodyRead = false;
    if (route.hasActions) {
      body = parseJson(needBody(await readBody(incoming, clock)));
      bodyRead = true;
    }
    const endpoint = choose(route, version, body);
    const rawQuery = queryText === '' ? emptyQuery : parseQuery(queryText);
    const asked = {
      caller,
      path,
      query: rawQuery,
      body: undefined as unknown,
      found: undefined as unknown,
      request,
      version,
      policy,
    };

    const ready = endpoint.quick?.(asked);
    if (ready) return ready;
    if (endpoint.stream) {
      asked.query = checkQuery(endpoint, rawQuery);
      asked.found = await db.read(tx => permit(tx, endpoint, asked), { requestId: request.id });
      watchPace(incoming, clock, limits);
      return endpoint.stream({ ...asked, db, incoming, outgoing });
    }

    const takesBody = endpoint.bodies.length > 0;
    if (takesBody && !isPublic) {
      // Who may not is told so before the body is looked at.
      if (endpoint.find) await db.read(tx => permit(tx, endpoint, asked), { requestId: request.id });
      else permitUntargeted(endpoint, asked);
    }
    asked.query = checkQuery(endpoint, rawQuery);
    if (takesBody) {
      if (!bodyRead) body = await jsonBody(endpoint, incoming);
      const schema = endpoint.bodies.find(({ from }) => compareVersions(version, from) >= 0)?.schema;
      asked.body = schema ? parse(schema, body, t.invalidBody) : undefined;
    } else if (!bodyRead && endpoint.writes) await readBody(incoming, clock);
    const dryRun = endpoint.writes && request.headers['x-dry-run'] === 'true';
    if (endpoint.prepare && endpoint.policy !== 'public' && !takesBody)
      await db.read(tx => permit(tx, endpoint, asked));
    const prepared = endpoint.prepare ? await endpoint.prepare({ ...asked, db }) : undefined;
    const work = async (tx: Tx): Promise<Reply> => {
      asked.found = await permit(tx, endpoint, asked);
      return endpoint.handle!({ ...asked, tx, prepared });
    };
    const reply = endpoint.writes
      ? await db.write(work, { requestId: request.id, dryRun })
      : await db.read(work, { requestId: request.id });
    if (dryRun) reply.headers = { ...reply.headers, 'x-dry-run': 'true' };
    if (options.checkReplies) checkReply(endpoint, reply);
    return inOlderShape(endpoint, reply, version);
  }

  function authenticate(request: RequestFacts): Caller | Promise<Caller> {
    const token = request.headers['x-auth-token'];
    if (typeof token !== 'string' || token === '') throw new Problem('unauthenticated', t.unauthenticated);
    return authenticator.authenticate(token);
  }

  /** Finds the resource and checks the rule against it. */
  async function permit(
    tx: Tx,
    endpoint: Endpoint,
    asked: { caller: Caller; path: Record<string, string>; request: RequestFacts },
  ): Promise<unknown> {
    if (!endpoint.find) {
      permitUntargeted(endpoint, asked);
      return undefined;
    }
    const finder = endpoint.find;
    const found: unknown = await finder.find({ tx, ...asked });
    if (found === undefined) throw finder.missing(asked.path);
    if (endpoint.policy === 'public') return found;
    const target = targetOf(finder, found);
    if (!policy.allows(endpoint.policy, asked.caller.credentials, target)) {
      const visible = finder.visible ?? inProject;
      throw visible(found, asked.caller) ? denied(endpoint, asked.caller, target) : finder.missing(asked.path);
    }
    return found;
  }

  function permitUntargeted(endpoint: Endpoint, asked: { caller: Caller; path: Record<string, string> }): void {
    if (endpoint.policy === 'public') return;
    const { caller } = asked;
    const pathProject = asked.path['project_id'];
    const target = {
      project_id: pathProject ?? caller.projectId,
      tenant_id: pathProject ?? caller.projectId,
      user_id: caller.userId,
      domain_id: caller.domainId,
    };
    if (!policy.allows(endpoint.policy, caller.credentials, target)) throw denied(endpoint, caller, target);
  }

  function denied(endpoint: Endpoint, caller: Caller, target: Record<string, unknown>): Problem {
    return new Problem('forbidden', t.forbidden, {
      rule: endpoint.policy,
      needs: policy.explain(endpoint.policy, caller.credentials, target).parts,
    });
  }

  async function jsonBody(endpoint: Endpoint, incoming: IncomingMessage): Promise<unknown> {
    const type = (incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
    const bytes = await readBody(incoming, clock);
    if (bytes.length === 0) {
      if (endpoint.bodyOptional) return {};
      throw new Problem('invalid', t.noBody);
    }
    const wanted = endpoint.mediaTypes.length ? endpoint.mediaTypes : ['application/json'];
    if (
      type !== '' &&
      !wanted.includes(type) &&
      !(
        type.startsWith('application/') &&
        endpoint.mediaTypes.length === 0 &&
        type !== 'application/x-www-form-urlencoded' &&
        type !== 'application/xml'
      )
    )
      throw new Problem('unsupported', t.badContentType, { type: type.slice(0, 80), wanted });
    return parseJson(bytes);
  }

  function sendProblem(
    outgoing: ServerResponse,
    request: RequestFacts,
    service: Service | undefined,
    thrown: unknown,
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
      log.error(
        { requestId: request.id, method: request.method, url: request.url.split('?')[0], error: thrown },
        'bug',
      );
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
      outgoing.setHeader('www-authenticate', `Keystone uri="${options.publicUrl()}/identity"`);
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

  return {
    handle,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const bound = server.address() as AddressInfo;
          resolve({ host: bound.address, port: bound.port });
        });
      }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeIdleConnections();
        clock.after(2_000, () => server.closeAllConnections());
      }),
  };
}

const nobody: Caller = {
  userId: '',
  userName: '',
  projectId: null,
  projectName: null,
  domainId: null,
  systemScope: false,
  roles: [],
  isAdmin: false,
  credentials: {
    user_id: '',
    user_domain_id: null,
    project_id: null,
    project_domain_id: null,
    domain_id: null,
    system_scope: null,
    roles: [],
    is_admin_project: false,
  },
  expiresAt: 0,
  auditIds: [],
  token: {},
};

/** The policy's view of a resource. */
export function targetOf(finder: Pick<Finder<unknown>, 'target'>, found: unknown): Record<string, unknown> {
  if (finder.target) return finder.target(found);
  const row = found as Record<string, unknown>;
  return { ...row, project_id: row['projectId'], tenant_id: row['projectId'], user_id: row['userId'] };
}

function inProject(found: unknown, caller: Caller): boolean {
  const { projectId } = found as { projectId?: string | null };
  return projectId === undefined || projectId === null || projectId === caller.projectId;
}

function checkQuery(endpoint: Endpoint, query: Query): Query {
  return endpoint.query ? (parse(endpoint.query, query, t.invalidQuery) as Query) : query;
}

const emptyQuery: Query = Object.freeze(Object.create(null) as Query);

function parseQuery(text: string): Query {
  const query: Query = Object.create(null) as Query;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > 1_000)
      throw new Problem('invalid', t.invalidQuery, { where: 'query', why: 'there are more than 1,000 parameters' });
    const before = query[name];
    query[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return query;
}

function needBody(bytes: Buffer): Buffer {
  if (bytes.length === 0) throw new Problem('invalid', t.noBody);
  return bytes;
}

function sayVersion(outgoing: ServerResponse, service: Service, version: Microversion): void {
  const range = service.microversions;
  if (!range) return;
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

function inOlderShape(endpoint: Endpoint, reply: Reply, version: Microversion): Reply {
  const status = statusIn(reply);
  for (const { before, change } of endpoint.older)
    if (compareVersions(version, before) < 0) reply[status] = change(reply[status]);
  return reply;
}

function checkReply(endpoint: Endpoint, reply: Reply): void {
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

function send(outgoing: ServerResponse, request: RequestFacts, reply: Reply): void {
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
  outgoing.setHeader('content-type', type ?? 'application/json');
  outgoing.setHeader('content-length', bytes.length);
  outgoing.writeHead(wire.status);
  outgoing.end(request.method === 'HEAD' ? undefined : bytes);
}
