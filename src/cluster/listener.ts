// The cluster's own listener: HTTPS at the cluster address, with a certificate of the cluster's authority. A machine joins
// here, and with its certificate asks for what is its own. Everything else is the business of the bus.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { streamProtocol } from '#/host/dial-control.ts';
import { hostByName } from '#/host/hosts.ts';
import type { Credential } from '#/platform/bus/nats/certificates.ts';
import { parseJson, readBody } from '#/platform/http/body.ts';
import { connectionLimits, discardRest } from '#/platform/http/connection.ts';
import { parse } from '#/platform/http/schema.ts';
import { statusOf } from '#/platform/http/status.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { languageOf } from '#/platform/text/text.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { findMember, type MemberRow, memberByFingerprint, takeUpCertificate } from './cluster.store.ts';
import { isControl, joinCluster, type JoinParts, joinRequest, renewCertificate, renewRequest } from './join.ts';
import type { Secrets } from './secrets.ts';
import { clusterTexts as t } from './texts.ts';

export interface ListenerOptions extends JoinParts {
  authority: Credential;
  /** This machine's certificate (PEM). */
  own: Credential;
  log: Logger;
  /** What a machine that has joined is told besides its certificate. */
  settings(member: MemberRow): Record<string, unknown>;
  /** What control planes must have alike. */
  secrets(): Secrets;
  /** The file of an image, when the host's plan names it; null when not. */
  imageFor(host: string, imageId: string): Promise<string | null>;
  /** Takes what a host brings with a ticket; null when nobody waits for it. */
  admit(host: string, ticket: string): ((stream: Duplex) => void) | null;
  /** After a machine has come. */
  joined(): Promise<void>;
}

export interface Listener {
  /** Shows another certificate from here on. */
  show(own: Credential): void;
  listen(address: string, port: number): Promise<void>;
  close(): Promise<void>;
}

/** At once, over all machines: what joins is small, and images go one after the other to a host. */
const connectionsLimit = 2_000;
const handshakeMs = 10_000;

export function clusterListener(options: ListenerOptions): Listener {
  const { authority, db, clock, log } = options;
  const streams = new Set<Duplex>();
  const shown = ({ key, certificate }: Credential) => ({
    key,
    // With the authority's, so that who joins can compare it with the one that it was told.
    cert: `${certificate}\n${authority.certificate}`,
    ca: authority.certificate,
    minVersion: 'TLSv1.3' as const,
  });
  const server = createServer(
    {
      ...shown(options.own),
      requestCert: true,
      // Who joins has none yet; whatever needs one looks for it.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMs,
      maxHeaderSize: connectionLimits.headerBytes,
      headersTimeout: connectionLimits.headersMs,
      requestTimeout: 0,
      keepAliveTimeout: connectionLimits.idleMs,
      connectionsCheckingInterval: connectionLimits.checkMs,
    },
    (incoming, outgoing) => {
      answer(incoming, outgoing).catch((error: unknown) => {
        log.warn({ error }, 'the cluster listener failed while answering');
        outgoing.destroy();
      });
    },
  );
  server.maxConnections = connectionsLimit;
  server.timeout = connectionLimits.idleMs;
  server.on('upgrade', (incoming, socket, head) => {
    socket.on('error', () => socket.destroy());
    takeStream(incoming, socket, head).catch((error: unknown) => {
      log.info({ from: incoming.socket.remoteAddress, error }, 'a stream was not taken');
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    });
  });
  server.on('tlsClientError', (error: Error) => log.debug({ error }, 'no TLS'));

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const path = new URL(incoming.url ?? '/', 'https://cluster').pathname;
      const image = /^\/images\/([0-9a-f-]{36})$/.exec(path)?.[1];
      if (incoming.method === 'POST' && path === '/join') await join(incoming, outgoing);
      else if (incoming.method === 'POST' && path === '/renew') await renew(incoming, outgoing);
      else if (incoming.method === 'GET' && path === '/self') await self(incoming, outgoing);
      else if (incoming.method === 'GET' && path === '/secrets') await tellSecrets(incoming, outgoing);
      else if (incoming.method === 'GET' && image) await sendImage(incoming, outgoing, image);
      else throw new Problem('notFound', t.noPath, { path: path.slice(0, 80) });
    } catch (thrown) {
      if (outgoing.headersSent) throw thrown;
      if (!(thrown instanceof Problem)) log.error({ error: thrown }, 'failed');
      const status = thrown instanceof Problem ? statusOf[thrown.kind] : 500;
      const language = languageOf(incoming.headers['accept-language']);
      const message = thrown instanceof Problem ? thrown.say(language) : platformTexts.bug.say(language, {});
      json(outgoing, status, { error: { code: status, message } });
    }
    discardRest(incoming, outgoing, clock, connectionLimits);
  }

  async function join(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const ask = parse(joinRequest, parseJson(await readBody(incoming, clock, 32_768)), platformTexts.invalidBody);
    const { member, certificate } = await joinCluster(authority, ask, options);
    log.info({ member: member.name, roles: member.roles, address: member.address }, 'a machine joined');
    await options.joined();
    json(outgoing, 200, { certificate, authority: authority.certificate, ...options.settings(member) });
  }

  async function renew(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const member = await memberOf(incoming);
    const ask = parse(renewRequest, parseJson(await readBody(incoming, clock, 32_768)), platformTexts.invalidBody);
    const certificate = await renewCertificate(authority, member, ask, options);
    log.info({ member: member.name }, 'a machine renews its certificate');
    json(outgoing, 200, { certificate });
  }

  /** For control planes alone: a host has no use for keys. */
  async function tellSecrets(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const member = await memberOf(incoming);
    if (!isControl(member)) throw new Problem('forbidden', t.notControl, { name: member.name });
    json(outgoing, 200, options.secrets());
  }

  /** How the control plane sees the machine that asks. */
  async function self(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { name } = await memberOf(incoming);
    const host = await db.read(tx => hostByName(tx, name));
    const { up = false, enabled = true, version = null } = host ?? {};
    json(outgoing, 200, { name, up, enabled, version });
  }

  async function sendImage(incoming: IncomingMessage, outgoing: ServerResponse, imageId: string): Promise<void> {
    const { name } = await memberOf(incoming);
    const file = await options.imageFor(name, imageId);
    if (file === null) throw new Problem('notFound', t.notPlanned, { name });
    const { size } = await stat(file);
    outgoing.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    await pipeline(createReadStream(file, { highWaterMark: 1 << 18 }), outgoing);
  }

  /** What this control plane has asked a host for, and nothing else. */
  async function takeStream(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { name } = await memberOf(incoming);
    const ticket = /^\/streams\/([\w-]{32})$/.exec(incoming.url ?? '')?.[1];
    const take = ticket && options.admit(name, ticket);
    if (!take) throw new Problem('forbidden', t.noTicket, { name });
    incoming.socket.setTimeout(0);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${streamProtocol}\r\n\r\n`);
    if (head.length > 0) socket.unshift(head);
    socket.once('end', () => socket.end());
    streams.add(socket);
    socket.once('close', () => streams.delete(socket));
    take(socket);
  }

  /** @throws Problem unauthenticated unless the connection's certificate is that of a machine of this cloud */
  async function memberOf({ socket }: IncomingMessage): Promise<MemberRow> {
    const tls = socket as TLSSocket;
    const fingerprint = tls.authorized ? tls.getPeerX509Certificate()?.fingerprint256 : undefined;
    const member = fingerprint && (await db.read(tx => memberByFingerprint(tx, fingerprint)));
    if (!member) throw new Problem('unauthenticated', t.noMember);
    if (member.nextFingerprint !== fingerprint) return member;
    await db.write(tx => takeUpCertificate(tx, fingerprint));
    return (await db.read(tx => findMember(tx, member.name))) ?? member;
  }

  return {
    show: own => server.setSecureContext(shown(own)),
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, reusePort: true }, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const stream of streams) stream.destroy();
      }),
  };
}

function json(outgoing: ServerResponse, status: number, body: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(body));
}
