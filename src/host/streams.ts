// Bytes that a host sends to the control plane which asked for them. On one machine they go through a unix socket. From
// another the host connects to the asking control plane's cluster listener, with its certificate and a ticket that is good once.

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Command, callHost, type Destination } from '#/host/commands.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { type Clock, type Random, sleep } from '#/platform/clock/clock.ts';
import { contextOf, type Tx } from '#/platform/database/tx.ts';
import type { Static, TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

/** The streams that one control plane waits for. */
export interface HostStreams {
  /** Null for a host on this machine. */
  expect(host: string): Expected | null;
  /** A host came with a ticket. @returns what takes the stream; null when it is not what was waited for */
  admit(host: string, ticket: string): ((stream: Duplex) => void) | null;
}

interface Expected {
  to: Destination;
  stream: Promise<Duplex>;
  /** From here on the ticket is worth nothing. */
  forget(): void;
}

const t = texts('host.streams', {
  notBrought: {
    en: 'The host {host} has not connected to {server}, where it was to bring what it was asked for.',
    ko: '{host} 호스트가 요청한 내용을 보내야 할 {server}에 연결하지 않았습니다.',
  },
});

/** The host says that it has connected before it answers: what is late then was lost on the way. */
const arrivesMs = 10_000;

/** @param own the host on this machine; @param server this control plane's cluster listener */
export function createHostStreams({
  own,
  server,
  random,
}: {
  own: string;
  server: string;
  random: Random;
}): HostStreams {
  const expected = new Map<string, { host: string; take: (stream: Duplex) => void }>();
  return {
    expect(host) {
      if (host === own) return null;
      const ticket = random.bytes(24).toString('base64url');
      const stream = new Promise<Duplex>(take => void expected.set(ticket, { host, take }));
      return { to: { server, ticket }, stream, forget: () => void expected.delete(ticket) };
    },
    admit(host, ticket) {
      const waiting = expected.get(ticket);
      if (waiting?.host !== host) return null;
      expected.delete(ticket);
      return waiting.take;
    },
  };
}

const slot = Symbol('host-streams');

/** For clouds of several machines; without, every host is on this one. */
export function attachStreams(slots: Map<symbol, unknown>, streams: HostStreams): void {
  slots.set(slot, streams);
}

export function streamsOf(tx: Tx): HostStreams | null {
  return (contextOf(tx).slots.get(slot) as HostStreams | undefined) ?? null;
}

interface Offer {
  path: string | null;
}

/**
 * Calls a command with which a host offers a stream.
 * @returns its answer and the stream; null instead of that when the host has none to offer (a simulated one)
 * @throws Problem what the host refused, or unavailable when the stream does not come
 */
export async function takeStream<I extends TSchema, O extends TSchema>(
  { bus, clock, streams }: { bus: Bus; clock: Clock; streams: HostStreams | null },
  host: string,
  command: Command<I, O>,
  input: Static<I>,
  timeoutMs?: number,
  requestId?: string | null,
): Promise<{ answer: Static<O>; stream: Duplex | null }> {
  const expected = streams?.expect(host) ?? null;
  try {
    const asked = expected ? { ...(input as object), to: expected.to } : input;
    const answer = await callHost(bus, host, command, asked as Static<I>, timeoutMs, requestId);
    const { path } = answer as Offer;
    if (!expected) return { answer, stream: path === null ? null : await opened(path) };
    const enough = new AbortController();
    const late = sleep(clock, arrivesMs, enough.signal).then(() => null);
    const stream = await Promise.race([expected.stream, late]).finally(() => enough.abort());
    if (!stream) throw new Problem('unavailable', t.notBrought, { host, server: expected.to.server });
    return { answer, stream };
  } finally {
    expected?.forget();
  }
}

function opened(path: string): Promise<Duplex> {
  const socket = connect(path);
  // Whoever reads it hears of the end; before anybody does, nobody must fall over it.
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
