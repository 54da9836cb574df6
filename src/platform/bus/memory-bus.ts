// The bus within one process. Messages are copied through JSON, as they would be on a wire, and always arrive later
// than the call that sent them.

import type { Clock } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Bus } from './bus.ts';
import { createEndpoint } from './endpoint.ts';
import type { Frame } from './frames.ts';
import { encodeFrame } from './frames.ts';
import type { Peer } from './hub.ts';
import { createHub } from './hub.ts';

export interface MemoryBusOptions {
  clock: Clock;
  log?: Logger;
  /**
   * For simulations: after how many milliseconds each copy of a message arrives. No copy: it is lost. Default: one, at once.
   * Asked for publications, requests and answers.
   */
  copies?: (subject: string, kind: 'publish' | 'request' | 'answer') => number[];
}

/** A bus for this process alone. */
export function memoryBus({ clock, log, copies }: MemoryBusOptions): Bus {
  const hub = createHub();
  /** Which subject an answer is about. */
  const subjects = new Map<number, string>();
  const endpoint = createEndpoint({ clock, log, send: frame => travel(frame, copied => hub.receive(peer, copied)) });
  // To the hub and back are one journey: the first half takes the time.
  const peer: Peer = {
    send(frame) {
      if (copies && frame.t === 'req') subjects.set(frame.id, frame.s);
      endpoint.receive(frame);
      return true;
    },
  };

  function travel(frame: Frame, arrive: (frame: Frame) => void): void {
    const bytes =
      frame.t === 'sub' || frame.t === 'unsub' || frame.t === 'serve' || frame.t === 'unserve'
        ? null
        : encodeFrame(frame);
    if (bytes === null) return arrive(frame);
    const delays = copies && frame.t !== 'cancel' ? copies(subjectOf(frame), kindOf(frame)) : [0];
    for (const ms of delays) {
      const call = (): void => arrive(JSON.parse(bytes.toString()) as Frame);
      if (ms > 0) clock.after(ms, call);
      else queueMicrotask(call);
    }
  }

  function subjectOf(frame: Frame): string {
    if ('s' in frame) return frame.s;
    const subject = subjects.get(frame.id) ?? '';
    subjects.delete(frame.id);
    return subject;
  }

  endpoint.connected();
  return {
    ...endpoint,
    close: async () => {
      hub.leave(peer);
      endpoint.end();
    },
  };
}

function kindOf(frame: Frame): 'publish' | 'request' | 'answer' {
  return frame.t === 'pub' ? 'publish' : frame.t === 'req' ? 'request' : 'answer';
}
