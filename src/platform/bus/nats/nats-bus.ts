// The bus between many machines: NATS core. Subjects are NATS's own; servers of one subject are a queue group and take
// turns. NATS away: publications are lost, requests wait within their time, and all is as before once it is back.

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock, Random, Timer } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Bus, Json } from '../bus.ts';
import { createEndpoint } from '../endpoint.ts';
import { type Frame, frameLimit, wildcardOf } from '../frames.ts';
import { busTexts } from '../texts.ts';

export interface NatsBusOptions {
  /** `nats://host:4222`, one or many of a cluster. */
  servers: string[];
  /** One token: whose answers these are. A host's credential may only listen to its own. */
  name: string;
  /** PEM files: the authority of both sides, and the certificate that says who this is. */
  tls?: { caFile: string; certFile: string; keyFile: string };
  clock: Clock;
  random: Random;
  log: Logger;
  /** Called after every (re)connection, when subscriptions stand. */
  onConnect?: () => void;
  onDisconnect?: () => void;
}

const queue = 'haneul';
/** A server that is gone without a word is noticed before hosts count as silent. */
const pingMs = 2_500;

export function natsBus(options: NatsBusOptions): Bus {
  const { clock, log } = options;
  const inbox = `_INBOX.${options.name}.${options.random.bytes(6).toString('hex')}`;
  const held = new Map<string, Subscription>();
  /** Requests that are being answered. */
  const asked = new Map<number, Msg>();
  let nextAsked = 1;
  let connection: NatsConnection | null = null;
  /** What is told while a connection begins; whatever else is held is of no more use. */
  let told: Set<string> | null = null;
  let closed = false;
  let up = false;
  let retry: Timer | null = null;

  const endpoint = createEndpoint({ clock, log, send });

  function send(frame: Frame): void {
    const nats = connection!;
    switch (frame.t) {
      case 'sub':
        return hold(`sub ${frame.s}`, () => nats.subscribe(frame.s, { callback: whenSound(hear(frame.s)) }));
      case 'serve':
        return hold(`serve ${frame.s}`, () => nats.subscribe(frame.s, { queue, callback: whenSound(beAsked) }));
      case 'unsub':
      case 'unserve':
        return drop(`${frame.t.slice(2)} ${frame.s}`);
      case 'pub':
        nats.publish(frame.s, encode(frame.s, frame.m));
        return;
      case 'req':
        nats.publish(frame.s, encode(frame.s, frame.m), { reply: `${inbox}.${frame.id}` });
        return;
      case 'res': {
        const message = asked.get(frame.id);
        if (!message) return;
        const bytes = encode(message.subject, 'e' in frame ? { e: frame.e } : { m: frame.m });
        asked.delete(frame.id);
        message.respond(bytes);
      }
    }
  }

  function hold(key: string, subscribe: () => Subscription): void {
    told?.add(key);
    if (!held.has(key)) held.set(key, subscribe());
  }

  function drop(key: string): void {
    held.get(key)?.unsubscribe();
    held.delete(key);
  }

  function encode(subject: string, value: unknown): string {
    const text = JSON.stringify(value) ?? 'null';
    const bytes = Buffer.byteLength(text);
    const limit = Math.min(frameLimit, connection!.info?.max_payload ?? frameLimit);
    if (bytes > limit) throw new Problem('tooLarge', busTexts.tooLarge, { subject, bytes, limit });
    return text;
  }

  function whenSound(handle: (message: Msg) => void): (error: Error | null, message: Msg) => void {
    return (error, message) => {
      if (error) return log.warn({ err: error }, 'the bus refused a subscription');
      try {
        handle(message);
      } catch (err) {
        log.warn({ err, subject: message.subject }, 'nonsense on the bus');
      }
    };
  }

  /** NATS gives each subscription its copy, and the endpoint hands one on to all of them. */
  function hear(pattern: string): (message: Msg) => void {
    return message => {
      const { subject } = message;
      if (pattern === wildcardOf(subject) && held.has(`sub ${subject}`)) return;
      endpoint.receive({ t: 'pub', s: subject, m: message.json<Json>() });
    };
  }

  function beAsked(message: Msg): void {
    if (!message.reply) return;
    const m = message.json<Json>();
    const id = nextAsked++;
    asked.set(id, message);
    endpoint.receive({ t: 'req', id, s: message.subject, m });
  }

  function answered(message: Msg): void {
    const id = Number(message.subject.slice(inbox.length + 1));
    if (message.headers?.code === 503) return endpoint.receive({ t: 'res', id, e: { none: 'noResponder' } });
    const answer = message.json<{ m: Json } | { e: never }>();
    endpoint.receive('e' in answer ? { t: 'res', id, e: answer.e } : { t: 'res', id, m: answer.m });
  }

  function online(): void {
    up = true;
    told = new Set();
    hold('inbox', () => connection!.subscribe(`${inbox}.*`, { callback: whenSound(answered) }));
    endpoint.connected();
    for (const key of held.keys()) if (!told.has(key)) drop(key);
    told = null;
    options.onConnect?.();
  }

  function offline(): void {
    up = false;
    endpoint.disconnected();
    asked.clear();
    if (!closed) options.onDisconnect?.();
  }

  async function connectOnce(): Promise<void> {
    const { connect } = await import('@nats-io/transport-node');
    const { tls } = options;
    const nats = await connect({
      servers: options.servers,
      name: options.name,
      inboxPrefix: `_INBOX.${options.name}`,
      ...(tls ? { tls } : {}),
      timeout: 5_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      reconnectJitter: 300,
      reconnectJitterTLS: 300,
      pingInterval: pingMs,
      maxPingOut: 2,
      // A credential that is refused now may be known a moment later.
      ignoreAuthErrorAbort: true,
    });
    if (closed) return nats.close();
    connection = nats;
    log.debug({ server: nats.getServer() }, 'bus connected');
    online();
    for await (const status of nats.status()) {
      if (status.type === 'disconnect' && up) offline();
      else if (status.type === 'reconnect' && !up) online();
      else if (status.type === 'error') log.warn({ err: status.error }, 'bus');
    }
    await nats.closed();
    connection = null;
    held.clear();
    if (up) offline();
  }

  function keepConnected(): void {
    connectOnce()
      .catch((err: unknown) => log.debug({ err }, 'bus connection'))
      .finally(() => {
        if (!closed) retry = clock.after(500, keepConnected);
      });
  }

  keepConnected();
  return {
    ...endpoint,
    inReach: () => up,
    async close() {
      closed = true;
      retry?.cancel();
      // What was published last is still on its way.
      await connection?.flush().catch(() => {});
      endpoint.end();
      await connection?.close();
    },
  };
}
