// The HTTP listener: finds the endpoint, who asks, whether they may, reads and checks what they sent, runs the handler in
// one transaction, and says the answer in the service's own shape.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Authenticator, Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { type Clock, newUuid, type Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { jsonBody, needBody, parseJson, readBody } from '#/platform/http/body.ts';
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
import { compareVersions, type Reply, type RequestFacts } from '#/platform/http/endpoint.ts';
import { createPermission } from '#/platform/http/permission.ts';
import { checkQuery, emptyQuery, parseQuery } from '#/platform/http/query.ts';
import { checkReply, inOlderShape, sayVersion, send, sendProblem } from '#/platform/http/reply.ts';
import { choose, createRouter, type Match, spokenVersion } from '#/platform/http/router.ts';
import { parse } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { httpTexts } from '#/platform/http/texts.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { clientCertificateOf, renewCertificate, type TlsFiles, tlsOptions } from '#/platform/http/tls.ts';
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
  /** HTTPS instead of HTTP. */
  tls?: TlsFiles | undefined;
  /** Answers WebSocket upgrades; false when the path is not its own. */
  upgrade?(incoming: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Plain pages outside every service (`/`, the dashboard); false when the path is not its own. */
  page?(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
}

export interface HttpServer {
  /** Others of the same user may listen there too: the successor, while this one hands over. */
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Serves a connection that somebody else has taken in. */
  adopt(socket: Socket): void;
  /** Handles one request; for tests that need no socket. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>;
  /**
   * Takes no new connection and answers what has been asked.
   * @param lingerMs so long those who keep a connection may still ask on it; each answer then tells them to leave it
   */
  close(lingerMs?: number): Promise<void>;
}

/** What is being answered when the server closes may take so long. */
const lastAnswersMs = 2_000;

export function createHttpServer(options: ServerOptions): HttpServer {
  const { db, policy, authenticator, clock, random, log } = options;
  const router = createRouter(options.services);
  const { permit, permitUntargeted } = createPermission(policy);
  const limits = { ...connectionLimits, ...options.limits };
  let leaving = false;
  const settings = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
  };
  const take = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
    connections.inTurn(incoming, outgoing, () => {
      handle(incoming, outgoing).catch((error: unknown) => {
        log.error({ error }, 'failed while answering');
        outgoing.destroy();
      });
    });
  const { tls } = options;
  const secure = tls && createTlsServer({ ...settings, ...tlsOptions(tls) }, take);
  const renewal = secure && renewCertificate(secure, tls, options);
  const server = secure ?? createServer(settings, take);
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
    const certificate = secure && clientCertificateOf(incoming.socket);
    if (certificate) request.clientCertificate = certificate;
    outgoing.setHeader('x-openstack-request-id', id);
    outgoing.setHeader('x-content-type-options', 'nosniff');
    if (leaving) outgoing.shouldKeepAlive = false;
    try {
      if (incoming.rawHeaders.length > 2 * limits.headerLines)
        throw new Problem('tooLarge', httpTexts.tooManyLines, limits);
      if (!service && options.page?.(incoming, outgoing)) return;
      const match = router.match(request.method, pathname);
      const reply = await answer(match, request, cut < 0 ? '' : url.slice(cut + 1), incoming, outgoing);
      if (reply) send(outgoing, request, reply);
    } catch (thrown) {
      if (endsAfter(incoming, limits)) outgoing.shouldKeepAlive = false;
      sendProblem(outgoing, request, service, thrown, options);
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
      if (!bodyRead) body = await jsonBody(endpoint, incoming, clock);
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
    const token = request.headers['x-auth-token'] ?? bearerOf(request.headers.authorization);
    if (typeof token !== 'string' || token === '') throw new Problem('unauthenticated', t.unauthenticated);
    const serviceToken = request.headers['x-service-token'];
    return authenticator.authenticate(token, serviceToken === undefined ? undefined : String(serviceToken));
  }

  return {
    handle,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host, reusePort: true }, () => {
          server.off('error', reject);
          const bound = server.address() as AddressInfo;
          resolve({ host: bound.address, port: bound.port });
        });
      }),
    adopt(socket) {
      server.emit('connection', socket);
      socket.resume();
    },
    close: (lingerMs = 0) =>
      new Promise(resolve => {
        leaving = true;
        renewal?.stop();
        // Not at once http's own `close`, which ends idle connections: a request may be on its way on one.
        NetServer.prototype.close.call(server, () => resolve());
        if (lingerMs === 0) server.close();
        else clock.after(lingerMs, () => server.close());
        clock.after(lingerMs + lastAnswersMs, () => server.closeAllConnections());
      }),
  };
}

/** The token of `Authorization: Bearer`, as OAuth clients send it. */
function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(header ?? '')?.[1];
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
