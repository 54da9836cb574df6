// What can happen to single messages of an operation: one, or two, of all that are sent while it runs are lost, come twice
// or come after those sent later. Nobody lists the messages: they are counted as they are sent.

import type { SimulatedCloud } from '#/simulation/cloud.ts';

/** After how many milliseconds each copy arrives. */
export const mishaps = { lost: [], twice: [1, 400], late: [2_500] } satisfies Record<string, number[]>;
export type Mishap = keyof typeof mishaps;
export const everyMishap = Object.keys(mishaps) as Mishap[];

/** Message → what happens to it. Messages count from 0, each once for every part of its way. */
export type Schedule = ReadonlyMap<number, Mishap>;

export interface Counted {
  /** Messages so far. */
  sent(): number;
  stop(): void;
}

/** From now on messages go by the schedule. */
export function goBy(cloud: SimulatedCloud, schedule: Schedule): Counted {
  let sent = 0;
  cloud.weather = () => {
    const mishap = schedule.get(sent++);
    return mishap ? mishaps[mishap] : [1];
  };
  return {
    sent: () => sent,
    stop: () => void (cloud.weather = () => [1]),
  };
}

export function tellSchedule(schedule: Schedule): string {
  return [...schedule].map(([message, mishap]) => `message ${message} ${mishap}`).join(', ');
}
