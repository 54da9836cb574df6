// What a driver is handed. It gets nothing else of the machine.

import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Run } from '#/platform/process/run.ts';

export interface Tools {
  run: Run;
  clock: Clock;
  random: Random;
  log: Logger;
}
