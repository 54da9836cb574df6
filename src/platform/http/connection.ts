// Connections that misbehave: too slow, too long, cut off, or no HTTP at all. Each is told why where that is still possible,
// and each is closed in bounded time, so that nobody can hold the server's sockets and memory for nothing.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#/platform/clock/clock.ts';

export const connectionLimits = {
  headerBytes: 65_536,
  headerLines: 200,
  /** From the first byte, or from connecting, until the header is whole. */
  headersMs: 10_000,
  /** Nothing moves in either direction: between requests, in a body, or while a client does not read its answer. */
  idleMs: 60_000,
  /** How often connections are looked at for the two above. */
  checkMs: 5_000,
  /** A body that is being sent comes at least this fast, over each window. */
  bytesPerSecond: 1024,
  paceWindowMs: 10_000,
  /** What is still read, and for how long, of a body that nobody wants: enough for an honest client to see the answer. */
  unreadBytes: 1 << 20,
  unreadMs: 5_000,
  /** Requests that wait on one connection for the answers before theirs. */
  pipelined: 100,
};

export type ConnectionLimits = typeof connectionLimits;

export interface Connections {
  /**
   * Starts on a request when those before it on its connection are answered and read: otherwise a client that sends many
   * and reads nothing would have every answer kept in memory.
   */
  inTurn(incoming: IncomingMessage, outgoing: ServerResponse, start: () => void): void;
}

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  start(): void;
}

/** Sets the limits that the server itself keeps, and judges what it reports. */
export function guardConnections(server: Server | TlsServer, clock: Clock, limits: ConnectionLimits): Connections {
  const lines = new WeakMap<Duplex, Exchange[]>();
  // One more than allowed, for the server drops further lines without a word.
  server.maxHeadersCount = limits.headerLines + 1;
  server.timeout = limits.idleMs;
  server.on('timeout', socket => {
    const current = lines.get(socket)?.[0];
    const working = current?.incoming.complete && !current.outgoing.headersSent;
    if (working) socket.setTimeout(limits.idleMs);
    else socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answering = lines.get(socket)?.[0]?.outgoing.headersSent;
    if (answering || !socket.writable) socket.destroy();
    else refuse(socket, clock, statusLines[error.code ?? ''] ?? '400 Bad Request');
  });
  return {
    inTurn(incoming, outgoing, start) {
      const { socket } = incoming;
      let line = lines.get(socket);
      if (!line) lines.set(socket, (line = []));
      line.push({ incoming, outgoing, start });
      outgoing.once('close', () => {
        line.shift();
        if (!socket.destroyed) line[0]?.start();
      });
      if (line.length === 1) start();
      else if (line.length > limits.pipelined) socket.destroy();
    },
  };
}

const statusLines: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Says a status on a bare connection and closes it, whatever the other end does. */
export function refuse(socket: Duplex, clock: Clock, statusLine: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${statusLine}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.resume();
  const timer = clock.after(1_000, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/**
 * Cuts the connection of a client that sends its body more slowly than the limit. Time in which this side does not read
 * does not count.
 */
export function watchPace(incoming: IncomingMessage, clock: Clock, limits: ConnectionLimits): void {
  const socket: Socket = incoming.socket;
  let before = socket.bytesRead;
  let timer = clock.after(limits.paceWindowMs, look);
  incoming.once('close', () => timer.cancel());
  function look(): void {
    if (incoming.complete || socket.destroyed) return;
    const came = socket.bytesRead - before;
    before = socket.bytesRead;
    const waiting = incoming.readableLength === 0;
    if (waiting && came < (limits.bytesPerSecond * limits.paceWindowMs) / 1000) socket.destroy();
    else timer = clock.after(limits.paceWindowMs, look);
  }
}

/** Reads on, within limits, after an answer that did not need the body; then closes the connection. */
export function discardRest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  clock: Clock,
  limits: ConnectionLimits,
): void {
  if (!mayComeMore(incoming) || incoming.destroyed) return;
  const cut = (): void => {
    if (incoming.complete) return;
    if (outgoing.writableFinished) incoming.destroy();
    else outgoing.once('finish', () => incoming.destroy());
  };
  let left = limits.unreadBytes;
  const timer = clock.after(limits.unreadMs, cut);
  incoming.once('close', () => timer.cancel());
  incoming.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  incoming.resume();
}

/** Whether more of the body may come than `discardRest` reads: then the answer says that the connection ends. */
export function endsAfter(incoming: IncomingMessage, limits: ConnectionLimits): boolean {
  if (!mayComeMore(incoming)) return false;
  const length = incoming.headers['content-length'];
  return length === undefined || Number(length) > limits.unreadBytes;
}

/** A request without a body counts as complete from the start. */
function mayComeMore({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The path and query of a request line: `http://host/path` (RFC 9112, 3.2.2) means `/path`. */
export function targetOfRequest(url: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(url);
  if (!absolute) return url;
  const rest = url.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
