// One end of a bus: turns calls into frames and frames into calls of handlers. Where the frames go is not its business.

import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Bus, BusFailure, Json } from './bus.ts';
import { BusRemoteError, BusTimeout } from './bus.ts';
import type { Frame, WireError } from './frames.ts';
import { isSubject, wildcardOf } from './frames.ts';
import { busTexts } from './texts.ts';

export interface Endpoint extends Omit<Bus, 'close'> {
  /** A frame from the other side. */
  receive(frame: Frame): void;
  /** The other side is reachable (again): says what is subscribed and served, and sends the requests that wait. */
  connected(): void;
  /** The other side is gone: what was asked of it fails. Requests made from now on wait for `connected`. */
  disconnected(): void;
  end(): void;
}

interface Waiting {
  frame: Frame & { t: 'req' };
  sent: boolean;
  timer: Timer;
  timeoutMs: number;
  resolve(message: Json): void;
  reject(reason: unknown): void;
}

/** @param send hands a frame on; throws Problem tooLarge. */
export function createEndpoint(options: { clock: Clock; log?: Logger; send: (frame: Frame) => void }): Endpoint {
  const { clock, log, send } = options;
  const subscriptions = new Map<string, Set<(message: Json, subject: string) => void>>();
  const served = new Map<string, (message: Json, subject: string) => Promise<Json>>();
  const waiting = new Map<number, Waiting>();
  let online = false;
  let ended = false;
  let nextId = 1;

  function tell(frame: Frame): void {
    if (online) send(frame);
  }

  function deliver(subject: string, message: Json): void {
    for (const pattern of [subject, wildcardOf(subject)]) {
      const handlers = pattern === null ? undefined : subscriptions.get(pattern);
      if (!handlers) continue;
      for (const handler of handlers) {
        try {
          handler(message, subject);
        } catch (err) {
          log?.error({ err, subject }, 'a subscriber failed');
        }
      }
    }
  }

  async function answer(id: number, subject: string, message: Json): Promise<void> {
    let frame: Frame;
    try {
      const handler = served.get(subject) ?? served.get(wildcardOf(subject) ?? '');
      frame = handler
        ? { t: 'res', id, m: (await handler(message, subject)) ?? null }
        : { t: 'res', id, e: { none: 'noResponder' } };
    } catch (err) {
      if (!(err instanceof Problem)) log?.error({ err, subject }, 'a request failed');
      frame = { t: 'res', id, e: toWire(err) };
    }
    try {
      tell(frame);
    } catch (err) {
      tell({ t: 'res', id, e: toWire(err) });
    }
  }

  function settle(id: number): Waiting | undefined {
    const request = waiting.get(id);
    waiting.delete(id);
    request?.timer.cancel();
    return request;
  }

  function fail(id: number, failure: BusFailure): void {
    const request = settle(id);
    request?.reject(new BusTimeout(failure, request.frame.s, request.timeoutMs));
  }

  return {
    publish(subject, message) {
      checkExact(subject);
      tell({ t: 'pub', s: subject, m: message });
    },
    subscribe(pattern, handler) {
      check(pattern);
      let handlers = subscriptions.get(pattern);
      if (!handlers) {
        subscriptions.set(pattern, (handlers = new Set()));
        tell({ t: 'sub', s: pattern });
      }
      // Its own function, so that one handler may subscribe twice and leave once.
      const own = (message: Json, subject: string): void => handler(message, subject);
      handlers.add(own);
      return () => {
        if (!handlers.delete(own) || handlers.size > 0 || subscriptions.get(pattern) !== handlers) return;
        subscriptions.delete(pattern);
        tell({ t: 'unsub', s: pattern });
      };
    },
    request(subject, message, { timeoutMs = 30_000 } = {}) {
      return new Promise((resolve, reject) => {
        checkExact(subject);
        if (ended) return reject(new BusTimeout('closed', subject, timeoutMs));
        const id = nextId++;
        const frame: Waiting['frame'] = { t: 'req', id, s: subject, m: message };
        const timer = clock.after(timeoutMs, () => {
          fail(id, 'timeout');
          tell({ t: 'cancel', id });
        });
        const request: Waiting = { frame, sent: online, timer, timeoutMs, resolve, reject };
        waiting.set(id, request);
        try {
          tell(frame);
        } catch (err) {
          settle(id);
          reject(err);
        }
      });
    },
    serve(subject, handler) {
      check(subject);
      if (served.has(subject)) throw new Error(`${subject} is served already`);
      served.set(subject, handler);
      tell({ t: 'serve', s: subject });
      return () => {
        if (served.get(subject) !== handler) return;
        served.delete(subject);
        tell({ t: 'unserve', s: subject });
      };
    },
    receive(frame) {
      if (ended) return;
      if (frame.t === 'pub') deliver(frame.s, frame.m);
      else if (frame.t === 'req') void answer(frame.id, frame.s, frame.m);
      else if (frame.t === 'res') {
        const request = settle(frame.id);
        if (!request) return;
        if ('e' in frame) request.reject(fromWire(frame.e, request));
        else request.resolve(frame.m);
      }
    },
    connected() {
      online = true;
      for (const pattern of subscriptions.keys()) send({ t: 'sub', s: pattern });
      for (const subject of served.keys()) send({ t: 'serve', s: subject });
      for (const request of [...waiting.values()].filter(r => !r.sent)) {
        request.sent = true;
        try {
          send(request.frame);
        } catch (err) {
          settle(request.frame.id)?.reject(err);
        }
      }
    },
    disconnected() {
      online = false;
      for (const [id, request] of waiting) if (request.sent) fail(id, 'disconnected');
    },
    end() {
      ended = true;
      online = false;
      for (const id of waiting.keys()) fail(id, 'closed');
      subscriptions.clear();
      served.clear();
    },
  };
}

function check(subject: string): void {
  if (!isSubject(subject)) throw new Problem('invalid', busTexts.badSubject, { subject });
}

function checkExact(subject: string): void {
  if (!isSubject(subject) || subject.endsWith('*')) throw new Problem('invalid', busTexts.badSubject, { subject });
}

function toWire(thrown: unknown): WireError {
  if (!(thrown instanceof Problem)) return { bug: thrown instanceof Error ? thrown.message : String(thrown) };
  return { kind: thrown.kind, id: thrown.text.id, en: thrown.say('en'), ko: thrown.say('ko'), facts: thrown.facts };
}

function fromWire(error: WireError, request: Waiting): Error {
  const subject = request.frame.s;
  if ('none' in error) return new BusTimeout(error.none, subject, request.timeoutMs);
  if ('bug' in error) return new BusRemoteError(subject, error.bug);
  const { kind, id, en, ko, facts } = error;
  return new Problem(kind, { id, say: language => (language === 'ko' ? ko : en) }, facts ?? {});
}
