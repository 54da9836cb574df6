// Bytes from one host's agent to another's: one mutually authenticated TLS connection for each stream. Both ends hold a
// certificate of the cluster; which stream a caller may have is asked of who serves it, by a ticket that both were given.
//
//   caller: {"service":"guest","id":"…","ticket":"…","stream":"memory"}\n      served: {"ok":true}\n      then bytes

import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

export interface Greeting {
  /** Who serves it: `guest`. */
  service: string;
  id: string;
  ticket: string;
  stream: string;
}

export interface Channel {
  /** @throws Problem unavailable when the peer is not in reach or gives no such stream */
  dial(address: string, greeting: Greeting): Promise<Duplex>;
  /** Serves callers of one service: what is returned is joined to them; null refuses. @returns how to stop */
  serve(service: string, open: (greeting: Greeting) => Promise<Duplex | null>): () => void;
  /** Calls back once when the peer no longer answers: what is under way to it may wait for ever. @returns how to stop */
  watch(address: string, lost: () => void): () => void;
  close(): Promise<void>;
}

export interface ChannelOptions {
  /** Where it listens, and the port of every host. */
  address: string;
  port: number;
  tls: { caFile: string; certFile: string; keyFile: string };
  clock: Clock;
  log: Logger;
}

const t = texts('channel', {
  unreachable: {
    en: 'Host address {address} port {port} is not in reach: {reason}',
    ko: '호스트 주소 {address} 포트 {port}에 연결할 수 없습니다: {reason}',
  },
  refused: {
    en: 'Host address {address} gives no {stream} of {id}.',
    ko: '호스트 {address}이(가) {id}의 {stream}을(를) 주지 않습니다.',
  },
});

const longestLine = 4_096;
const greetingMs = 10_000;
/** Certificates are renewed months before they end. */
const readAgainMs = 3_600_000;
/** Streams at one time; more are refused before anything is read. */
const mostConnections = 4_096;
/** How often a peer that is watched is asked, and after how long an idle caller is asked whether it is still there. */
const pulseMs = 5_000;
const pulse: Greeting = { service: 'pulse', id: '', ticket: '', stream: '' };

export async function openChannel({ address, port, tls, clock, log }: ChannelOptions): Promise<Channel> {
  const read = () =>
    ({
      ca: readFileSync(tls.caFile),
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      minVersion: 'TLSv1.3',
    }) as const;
  const services = new Map<string, (greeting: Greeting) => Promise<Duplex | null>>();
  const sockets = new Set<TLSSocket>();
  const callers = new Set<Socket>();
  const server = createServer(
    { ...read(), allowHalfOpen: true, requestCert: true, rejectUnauthorized: true },
    socket => {
      keep(socket);
      answer(socket).catch((error: unknown) => {
        log.warn({ from: socket.remoteAddress, error }, 'a peer was not served');
        socket.destroy();
      });
    },
  );
  // Also those that never get as far as a certificate.
  server.on('connection', socket => {
    callers.add(socket);
    socket.on('close', () => callers.delete(socket));
  });
  let renewal = clock.after(readAgainMs, readAgain);
  function readAgain(): void {
    try {
      server.setSecureContext(read());
    } catch (error) {
      log.warn({ error }, 'the certificate of the channel was not read');
    }
    renewal = clock.after(readAgainMs, readAgain);
  }
  server.maxConnections = mostConnections;
  server.on('tlsClientError', error => log.warn({ error }, 'a stranger knocked at the channel'));
  await listen(server, address, port);

  function keep(socket: TLSSocket): void {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, pulseMs);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  }

  async function answer(socket: TLSSocket): Promise<void> {
    const greeting = JSON.parse(await lineOf(socket, clock)) as Greeting;
    if (greeting.service === pulse.service) return void socket.end(`${JSON.stringify({ ok: true })}\n`);
    const served = await services.get(greeting.service)?.(greeting);
    if (!served) {
      socket.end(`${JSON.stringify({ ok: false })}\n`);
      return;
    }
    socket.write(`${JSON.stringify({ ok: true })}\n`);
    join(socket, served);
  }

  /** Address → who is to hear that it no longer answers. */
  const watched = new Map<string, Set<() => void>>();
  let closed = false;

  function askLater(address: string): void {
    clock.after(pulseMs, () => void ask(address));
  }

  async function ask(address: string): Promise<void> {
    const answered = await channel.dial(address, pulse).then(
      socket => (socket.destroy(), true),
      () => closed,
    );
    const listeners = watched.get(address);
    if (closed || !listeners?.size) return void watched.delete(address);
    if (!answered) {
      log.warn({ address }, 'a peer no longer answers');
      for (const lost of [...listeners]) lost();
      listeners.clear();
    }
    askLater(address);
  }

  const channel: Channel = {
    async dial(to, greeting) {
      // Certificates name a machine's addresses.
      const named = isIP(to) ? {} : { servername: to };
      const options: ConnectionOptions & { allowHalfOpen: true } = {
        // Read anew each time: certificates are renewed.
        ...read(),
        ...named,
        host: to,
        port,
        allowHalfOpen: true,
      };
      const socket = connect(options);
      keep(socket);
      try {
        await new Promise<void>((resolve, reject) => {
          const timer = clock.after(greetingMs, () => socket.destroy(new Error('no answer in time')));
          socket.once('secureConnect', () => (timer.cancel(), resolve()));
          socket.once('error', error => (timer.cancel(), reject(error)));
        });
        socket.write(`${JSON.stringify(greeting)}\n`);
        const { ok } = JSON.parse(await lineOf(socket, clock)) as { ok: boolean };
        if (!ok) throw new Problem('unavailable', t.refused, { address: to, id: greeting.id, stream: greeting.stream });
        return socket;
      } catch (cause) {
        socket.destroy();
        if (cause instanceof Problem) throw cause;
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Problem('unavailable', t.unreachable, { address: to, port, reason }, { cause });
      }
    },
    serve(service, open) {
      services.set(service, open);
      return () => void services.delete(service);
    },
    watch(address, lost) {
      const listeners = watched.get(address) ?? new Set();
      if (!watched.has(address)) {
        watched.set(address, listeners);
        askLater(address);
      }
      // Each call is a listener of its own, whatever it calls.
      const listener = (): void => lost();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      closed = true;
      renewal.cancel();
      const ended = new Promise<void>(resolve => server.close(() => resolve()));
      for (const socket of [...sockets, ...callers]) socket.destroy();
      await ended;
    },
  };
  return channel;
}

/** Whether a ticket that was shown is the one. Takes as long wherever they differ. */
export function isSameTicket(ticket: string, shown: unknown): boolean {
  if (typeof shown !== 'string' || Buffer.byteLength(shown) !== Buffer.byteLength(ticket)) return false;
  return timingSafeEqual(Buffer.from(ticket), Buffer.from(shown));
}

/** Joins two ends: what one says the other hears, until both have ended or either breaks. */
export function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => (from.readableEnded ? to.end() : to.destroy()));
  }
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The first line; what comes after it stays to be read. */
function lineOf(socket: TLSSocket, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const timer = clock.after(greetingMs, () => done(() => reject(new Error('no greeting in time'))));
    const done = (end: () => void): void => {
      timer.cancel();
      socket.off('readable', read).off('close', gone);
      end();
    };
    const gone = (): void => done(() => reject(new Error('the connection ended')));
    const read = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        held = Buffer.concat([held, chunk]);
        const end = held.indexOf(10);
        if (end === -1 && held.length <= longestLine) continue;
        if (end === -1 || end > longestLine) return done(() => reject(new Error('too long a greeting')));
        const rest = held.subarray(end + 1);
        return done(() => {
          if (rest.length) socket.unshift(rest);
          resolve(held.subarray(0, end).toString());
        });
      }
    };
    socket.on('readable', read).on('close', gone);
    read();
  });
}
