// A guest's screen or serial line is a socket that only root and the guest's user may open. For the control plane the
// agent offers a second one: for one connection, for a minute.

import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { AgentOptions } from '#/host/agent.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

const offerMs = 60_000;

/** @returns the path of a socket that bridges its first connection to `target` */
export function offerConsole(
  { consoleDirectory, random, clock }: Pick<AgentOptions, 'consoleDirectory' | 'random' | 'clock'>,
  target: string,
): Promise<string> {
  if (!consoleDirectory) throw new Problem('unsupported', platformTexts.unsupported, { what: 'console' });
  const path = join(consoleDirectory, `${newUuid(random)}.sock`);
  return new Promise((resolve, reject) => {
    const server = createServer(client => {
      end();
      const guest = connect(target);
      client.pipe(guest).pipe(client);
      const close = (): void => {
        client.destroy();
        guest.destroy();
      };
      for (const socket of [client, guest]) socket.on('error', close).on('close', close);
    });
    const timer = clock.after(offerMs, end);
    function end(): void {
      timer.cancel();
      server.close();
      rmSync(path, { force: true });
    }
    server.on('error', reject);
    // The directory belongs to the control plane's group and to nobody else.
    server.listen(path, () => {
      chmodSync(path, 0o666);
      resolve(path);
    });
  });
}
