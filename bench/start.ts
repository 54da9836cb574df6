// From starting the program until a client holds a token, with simulated hosts on a fresh data directory.

import { logIn } from './client.ts';
import { freshCloud } from './cloud.ts';
import { type Measurement, median, seconds } from './measurement.ts';

const runs = 3;

export const start: Measurement = {
  name: 'start',
  about: '`up --simulate 10` on a fresh directory, from process start to the first token',
  async run(tell) {
    const fresh: number[] = [];
    const again: number[] = [];
    for (let run = 0; run < runs; run++) {
      await using cloud = await freshCloud({ simulate: 10 });
      fresh.push(cloud.upMs + (await firstToken(cloud.url, cloud.credentials)));
      await cloud.down();
      const upMs = await cloud.up();
      again.push(upMs + (await firstToken(cloud.url, cloud.credentials)));
    }
    const ms = median(fresh);
    tell({ what: 'process start → first token', measured: seconds(ms), target: '< 2 s', met: ms < 2_000 });
    tell({ what: 'the same on a directory that was used before', measured: seconds(median(again)) });
    return undefined;
  },
};

async function firstToken(url: string, credentials: Record<string, string>): Promise<number> {
  const before = performance.now();
  await logIn(url, credentials);
  return performance.now() - before;
}
