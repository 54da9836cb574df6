// A guest that runs moves between two machines on a test bed, ten times, while an ssh session is kept open: how long that
// session is silent, and whether it ever breaks.

import { type Measurement, median, milliseconds, quantile, seconds } from './measurement.ts';
import { moveLive, movingGuest } from '../test/cluster/moving-guest.ts';
import { testBed } from '../test/cluster/testbed.ts';

const runs = 10;

export const liveMigration: Measurement = {
  name: 'live-migration',
  about: `a guest with its local disk between two machines (namespaces), ${runs} times, under an open ssh session`,
  needsRoot: true,
  async run(tell) {
    await using bed = await testBed('bench-migration');
    const [one, two] = [await bed.machine('one'), await bed.machine('two')];
    await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
    await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
    await using guest = await movingGuest(one, [one, two], 'one');
    const silences: number[] = [];
    const took: number[] = [];
    let lost = 0;
    for (let at = 0; at < runs; at++) {
      const begun = performance.now();
      silences.push(await moveLive(guest, at % 2 === 0 ? 'two' : 'one'));
      took.push(performance.now() - begun);
      if (!guest.session.alive()) lost++;
    }
    tell({ what: 'sessions lost', measured: `${lost} of ${runs}`, target: '0', met: lost === 0 });
    tell({ what: 'longest silence of the session, median', measured: milliseconds(median(silences)) });
    tell({ what: 'longest silence of the session, worst', measured: milliseconds(quantile(silences, 1)) });
    tell({ what: 'from the request until it is known to run there, median', measured: seconds(median(took)) });
    return undefined;
  },
};
