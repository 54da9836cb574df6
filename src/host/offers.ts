// What only root and the guest's user may open, offered to the control plane: a socket for one connection, for a minute.
// A guest's screen or serial line is bridged; a file is sent from its beginning to its end.

import { chmodSync, constants, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { AgentOptions } from '#/host/agent.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

const offerMs = 60_000;

type Place = Pick<AgentOptions, 'consoleDirectory' | 'random' | 'clock'>;

/** @returns the path of a socket that bridges its first connection to `target` */
export function offerConsole(place: Place, target: string): Promise<string> {
  return offer(place, 'console', {
    serve(client) {
      const guest = connect(target);
      client.pipe(guest).pipe(client);
      const close = (): void => {
        client.destroy();
        guest.destroy();
      };
      for (const socket of [client, guest]) socket.on('error', close).on('close', close);
    },
  });
}

/**
 * @param file in a directory that others may write to: it must be a plain file of that user alone
 * @returns the path of a socket that sends its first connection the file, and the file's length
 */
export async function offerFile(
  place: Place,
  file: { path: string; uid: number },
): Promise<{ path: string; sizeBytes: number }> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const opened = await open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const close = (): void => void opened.close().catch(() => {});
  try {
    const facts = await opened.stat();
    if (!facts.isFile() || facts.uid !== file.uid || facts.nlink !== 1)
      throw new Error(`${file.path} is not what was put there`);
    const path = await offer(place, 'file', {
      serve: client =>
        // Its end or its failure closes both.
        pipeline(opened.createReadStream({ highWaterMark: 256 << 10 }), client, () => {}),
      unused: close,
    });
    return { path, sizeBytes: facts.size };
  } catch (error) {
    close();
    throw error;
  }
}

/** @param what.unused called when nobody came */
function offer(
  { consoleDirectory, random, clock }: Place,
  name: string,
  what: { serve(client: Socket): void; unused?(): void },
): Promise<string> {
  if (!consoleDirectory) throw new Problem('unsupported', platformTexts.unsupported, { what: name });
  const path = join(consoleDirectory, `${newUuid(random)}.sock`);
  return new Promise((resolve, reject) => {
    const server = createServer(client => {
      end();
      what.serve(client);
    });
    const timer = clock.after(offerMs, () => {
      end();
      what.unused?.();
    });
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
