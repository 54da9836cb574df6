// The bus of a simulation: every participant has an end of its own, and every message travels, or does not, as chance and
// partitions have it.

import type { Bus } from '#/platform/bus/bus.ts';
import { createEndpoint } from '#/platform/bus/endpoint.ts';
import type { Frame } from '#/platform/bus/frames.ts';
import { createHub, type Peer } from '#/platform/bus/hub.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';

export interface Network {
  /** An end of the bus for a process. When it dies, `leave` it: others then see its connection close. */
  join(name: string, clock: Clock, log: Logger): { bus: Bus; leave(): void };
  /** Nothing comes from, or to, these processes until it heals. */
  cut(name: string, direction: 'from' | 'to' | 'both'): void;
  heal(name?: string): void;
}

/** After how many milliseconds each copy of a message arrives; none: it is lost. */
export type Copies = (subject: string) => number[];

export function createNetwork(options: { clock: Clock; copies: Copies; saw(frame: string): void }): Network {
  const { clock, saw } = options;
  const hub = createHub();
  const deafTo = new Set<string>();
  const muteFrom = new Set<string>();

  function travel(frame: Frame, lost: () => boolean, subject: string, arrive: (frame: Frame) => void): void {
    const bytes = JSON.stringify(frame);
    for (const ms of options.copies(subject))
      clock.after(ms, () => {
        if (lost()) return;
        saw(bytes);
        arrive(JSON.parse(bytes) as Frame);
      });
  }

  return {
    join(name, own, log) {
      let gone = false;
      const subjects = new Map<number, string>();
      const peer: Peer = {
        send(frame) {
          if (frame.t === 'req') subjects.set(frame.id, frame.s);
          travel(
            frame,
            () => gone || deafTo.has(name),
            subjectOf(frame),
            copied => endpoint.receive(copied),
          );
          return true;
        },
      };
      const subjectOf = (frame: Frame): string => ('s' in frame ? frame.s : (subjects.get(frame.id) ?? ''));
      const endpoint = createEndpoint({
        clock: own,
        log,
        send(frame) {
          if (gone) return;
          // What is subscribed and served is told anew whenever a connection is made, so it is never lost for good.
          if (!('m' in frame) && !('e' in frame)) return hub.receive(peer, frame);
          const subject = subjectOf(frame);
          if (frame.t === 'res') subjects.delete(frame.id);
          travel(
            frame,
            () => gone || muteFrom.has(name),
            subject,
            copied => hub.receive(peer, copied),
          );
        },
      });
      endpoint.connected();
      return {
        bus: { ...endpoint, close: async () => {} },
        leave() {
          gone = true;
          hub.leave(peer);
        },
      };
    },
    cut(name, direction) {
      if (direction !== 'to') muteFrom.add(name);
      if (direction !== 'from') deafTo.add(name);
    },
    heal(name) {
      for (const set of [deafTo, muteFrom])
        if (name === undefined) set.clear();
        else set.delete(name);
    },
  };
}
