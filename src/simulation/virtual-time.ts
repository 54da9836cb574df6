// Time that goes on only when it is told to: a heap of what comes due, in the order of its moments.

import type { Clock, Timer } from '#/platform/clock/clock.ts';

export interface VirtualTime extends Clock {
  /** Goes to the next moment at which something is due and calls it. @returns false when nothing is due before `limitMs` */
  step(limitMs: number): boolean;
}

interface Due {
  at: number;
  order: number;
  call: (() => void) | null;
}

export function virtualTime(start: number): VirtualTime {
  let at = 0;
  let order = 0;
  const heap: Due[] = [];
  const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(due: Due): void {
    let place = heap.length;
    heap.push(due);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(due, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = due;
  }

  function pop(): Due {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return top;
  }

  return {
    now: () => start + Math.floor(at),
    monotonic: () => at,
    after(ms, call): Timer {
      const due: Due = { at: at + Math.max(0, ms), order: order++, call };
      push(due);
      return { cancel: () => void (due.call = null) };
    },
    step(limitMs) {
      while (heap.length > 0 && heap[0]!.call === null) pop();
      if (heap.length === 0 || heap[0]!.at > limitMs) {
        at = Math.max(at, limitMs);
        return false;
      }
      const due = pop();
      at = Math.max(at, due.at);
      due.call!();
      return true;
    },
  };
}
