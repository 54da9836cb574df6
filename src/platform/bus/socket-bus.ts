// The bus between the processes of one machine: a unix socket, one JSON document per line. The server (the control
// plane) also hands messages on between its clients (the agents).

import { chmod, chown, rename, rm, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Bus } from './bus.ts';
import { createEndpoint } from './endpoint.ts';
import type { Frame } from './frames.ts';
import { encodeFrame, frameLimit, frameReader, toLine } from './frames.ts';
import type { Hub, Peer } from './hub.ts';
import { createHub } from './hub.ts';

/** A peer that has this much unread gets no more publications and requests; with `unreadEnd` it is cut off. */
const unreadFull = frameLimit;
const unreadEnd = 4 * frameLimit;

export interface SocketServerOptions {
  path: string;
  clock: Clock;
  log: Logger;
  /** Who may connect, besides root; by default the process's own user. Only root can give the socket away. */
  owner?: { uid: number; gid: number };
}

export interface SocketServer extends Bus {
  /** How many clients are connected. */
  clients(): number;
}

/** Listens on a socket file (mode 0600), in place of any that a dead process left. */
export async function socketBusServer({ path, clock, log, owner }: SocketServerOptions): Promise<SocketServer> {
  const hub = createHub();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false }, socket => accept(socket, hub, sockets, log));
  // Made under another name, so that nobody connects before the mode is set and a stale file is replaced in one step.
  const fresh = `${path}.${process.pid}`;
  await rm(fresh, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(fresh, resolve));
  await chmod(fresh, 0o600);
  if (owner) await chown(fresh, owner.uid, owner.gid);
  await rename(fresh, path);
  const { ino } = await stat(path);
  server.on('error', err => log.error({ err }, 'the bus socket failed'));

  const local: Peer = {
    send(frame) {
      // Never inside the call that sent it: receivers may send in turn.
      queueMicrotask(() => endpoint.receive(copy(frame)));
      return true;
    },
  };
  const endpoint = createEndpoint({
    clock,
    log,
    send(frame) {
      if (frame.t === 'pub' || frame.t === 'req' || frame.t === 'res') encodeFrame(frame);
      hub.receive(local, frame);
    },
  });
  endpoint.connected();
  return {
    ...endpoint,
    clients: () => sockets.size,
    async close() {
      endpoint.end();
      hub.leave(local);
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
      // A successor may have put its own socket there.
      const now = await stat(path).catch(() => null);
      if (now?.ino === ino) await rm(path, { force: true });
    },
  };
}

function accept(socket: Socket, hub: Hub, sockets: Set<Socket>, log: Logger): void {
  sockets.add(socket);
  const peer: Peer = { send: frame => write(socket, frame, toLine) };
  const read = frameReader(frame => hub.receive(peer, frame));
  socket.on('data', (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (err) {
      log.warn({ err }, 'a bus client sent nonsense and is cut off');
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    sockets.delete(socket);
    hub.leave(peer);
  });
}

export interface SocketClientOptions {
  path: string;
  clock: Clock;
  log: Logger;
  /** Called after every (re)connection, when subscriptions stand: the moment to say everything again. */
  onConnect?: () => void;
  onDisconnect?: () => void;
}

/**
 * Connects, and connects again for ever when the server goes away (50 ms, doubling to 2 s). Meanwhile publications are
 * lost and requests wait within their time. Its retries do not keep a process alive.
 */
export function socketBusClient({ path, clock, log, onConnect, onDisconnect }: SocketClientOptions): Bus {
  let current: Socket | null = null;
  let socket: Socket | null = null;
  let retry: Timer | null = null;
  let delayMs = 50;
  let closed = false;
  const endpoint = createEndpoint({
    clock,
    log,
    send(frame) {
      if (socket) write(socket, frame, encodeFrame);
    },
  });

  function open(): void {
    const attempt = connect(path);
    current = attempt;
    let ready = false;
    const read = frameReader(endpoint.receive);
    attempt.on('connect', () => {
      ready = true;
      socket = attempt;
      delayMs = 50;
      endpoint.connected();
      log.debug({ path }, 'bus connected');
      onConnect?.();
    });
    attempt.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (err) {
        log.error({ err }, 'the bus server sent nonsense');
        attempt.destroy();
      }
    });
    attempt.on('error', err => log.debug({ err, path }, 'bus connection'));
    attempt.on('close', () => {
      if (ready) {
        socket = null;
        endpoint.disconnected();
        if (!closed) onDisconnect?.();
      }
      if (closed) return;
      retry = clock.after(delayMs, open);
      delayMs = Math.min(delayMs * 2, 2000);
    });
  }

  open();
  return {
    ...endpoint,
    async close() {
      closed = true;
      retry?.cancel();
      endpoint.end();
      const last = current;
      if (!last || last.closed) return;
      const gone = new Promise(resolve => last.once('close', resolve));
      if (socket) last.destroySoon();
      else last.destroy();
      await gone;
    },
  };
}

/** Writes a frame to a peer that keeps up. */
function write(socket: Socket, frame: Frame, encode: (frame: Frame) => Buffer): boolean {
  if (socket.destroyed) return false;
  const unread = socket.writableLength;
  if (unread > unreadFull && (frame.t === 'pub' || frame.t === 'req')) return false;
  if (unread > unreadEnd) {
    socket.destroy();
    return false;
  }
  socket.write(encode(frame));
  return true;
}

function copy(frame: Frame): Frame {
  return JSON.parse(JSON.stringify(frame)) as Frame;
}
