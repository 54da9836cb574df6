// Faults that a test orders from a simulated host: of the next call, or of some calls by seeded chance.

import { simulatedTexts } from '#/drivers/simulated-texts.ts';
import type { Random } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';

/**
 * `fail`: nothing happens and the call fails. `hang`: nothing happens and the call never returns.
 * `loseAnswer`: all happens, then the call fails.
 */
export type Fault = 'fail' | 'hang' | 'loseAnswer';

export interface Faults {
  /** The next `times` calls (of this name: `volume.ensure`, or any) go wrong so. Orders are served in turn. */
  next(fault: Fault, call?: string, times?: number): void;
  /** From now on each call goes wrong with chance `rate` (0 to 1), so, or by one of several ways; only these calls, if named. */
  sometimes(rate: number, faults: readonly [Fault, ...Fault[]], calls?: readonly string[]): void;
  /** No more faults. Calls that hang go on hanging. */
  clear(): void;
  /** How often a fault was injected. */
  readonly injected: number;
  /** For drivers: what the call that begins now has to suffer. */
  take(call: string): Fault | null;
  /** For drivers: the error of a failing call. */
  failure(call: string): Problem;
}

/** No faults yet. */
export function simulatedFaults(random: Random): Faults {
  let orders: { fault: Fault; call: string | undefined; times: number }[] = [];
  let chance: { rate: number; faults: readonly [Fault, ...Fault[]]; calls: readonly string[] | undefined } | null =
    null;
  let injected = 0;

  function decide(call: string): Fault | null {
    const order = orders.find(o => o.call === undefined || o.call === call);
    if (order) {
      order.times -= 1;
      if (order.times === 0) orders = orders.filter(o => o !== order);
      return order.fault;
    }
    if (!chance || (chance.calls && !chance.calls.includes(call))) return null;
    const bytes = random.bytes(5);
    if (bytes.readUInt32BE() >= chance.rate * 2 ** 32) return null;
    return chance.faults[bytes[4]! % chance.faults.length]!;
  }

  return {
    next: (fault, call, times = 1) => void orders.push({ fault, call, times }),
    sometimes: (rate, faults, calls) => void (chance = { rate, faults, calls }),
    clear() {
      orders = [];
      chance = null;
    },
    get injected() {
      return injected;
    },
    take(call) {
      const fault = decide(call);
      if (fault) injected += 1;
      return fault;
    },
    failure: call => new Problem('unavailable', simulatedTexts.faultInjected, { call }),
  };
}
