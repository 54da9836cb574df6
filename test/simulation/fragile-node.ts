// What a control plane's process stands on, and what can befall it in virtual time: it is killed, stands still for a while
// as after SIGSTOP, or is cut off from the database and the bus.

import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

const t = texts('test.fragile', { cut: { en: 'cut off', ko: '연결이 끊겼습니다' } });
/** As the database's client does, before it gives up. */
const patienceMs = 10_000;

export interface FragileNode {
  clock: Clock;
  db: Database;
  bus: Bus;
  /** Nothing that it does from now on reaches anyone. */
  kill(): void;
  pause(): void;
  goOn(): void;
  cut(): void;
  heal(): void;
  /** Neither dead, nor still, nor cut off. */
  sound(): boolean;
}

/** @param dice 0 to 1, for whether what is under way at a cut was still done */
export function fragileNode(parts: { clock: Clock; db: Database; bus: Bus }, dice: () => number): FragileNode {
  const { clock } = parts;
  let dead = false;
  let still = false;
  let apart = false;
  const held: (() => void)[] = [];
  /** Goes on once the process runs; never in a dead one. */
  const running = (call: () => void): void => {
    if (dead) return;
    if (still) held.push(call);
    else call();
  };
  const own: Clock = { ...clock, after: (ms, call) => clock.after(ms, () => running(call)) };
  const awake = (): Promise<void> => new Promise(resolve => running(resolve));
  const cutOff = async (): Promise<never> => {
    await new Promise<void>(resolve => own.after(patienceMs, resolve));
    throw new Problem('unavailable', t.cut);
  };
  const over = async <T>(ask: () => Promise<T>): Promise<T> => {
    await awake();
    if (apart && dice() < 0.5) return cutOff();
    // Whatever arrived is done, whether or not its answer finds anyone.
    const lost = apart;
    const answer = ask();
    await answer.then(awake, awake);
    return lost || apart ? cutOff() : answer;
  };
  return {
    clock: own,
    db: {
      ...parts.db,
      read: (work, options) => over(() => parts.db.read(work, options)),
      write: (work, options) => over(() => parts.db.write(work, options)),
    },
    bus: {
      ...parts.bus,
      request: (...asked) => over(() => parts.bus.request(...asked)),
    },
    kill: () => void (dead = true),
    pause: () => void (still = true),
    goOn() {
      still = false;
      for (const call of held.splice(0)) call();
    },
    cut: () => void (apart = true),
    heal: () => void (apart = false),
    sound: () => !dead && !still && !apart,
  };
}
