// `up` on this machine for real: on a fresh directory, guest image and all, and once more when all is there.
// The libraries and Debian packages are installed already: the first start on a new machine also fetches those.

import { logIn } from './client.ts';
import { freshCloud } from './cloud.ts';
import { type Measurement, seconds } from './measurement.ts';

export const startReal: Measurement = {
  name: 'start-real',
  about: '`up` on this machine (libraries and Debian packages are installed already)',
  needsRoot: true,
  async run(tell) {
    await using cloud = await freshCloud({ simulate: 0, env: realCloud });
    await logIn(cloud.url, cloud.credentials);
    tell({ what: 'fresh directory, guest image built', measured: seconds(cloud.upMs) });
    await cloud.down();
    const again = await cloud.up();
    await logIn(cloud.url, cloud.credentials);
    tell({ what: 'second `up` until ready', measured: seconds(again), target: '< 4 s', met: again < 4_000 });
    const running = await cloud.up();
    tell({ what: '`up` while it runs', measured: seconds(running) });
    return undefined;
  },
};

/** A range of its own, beside a cloud that may run on the same machine. */
export const realCloud = { HANEUL_EXTERNAL_NETWORK_CIDR: '172.29.77.0/24' };
