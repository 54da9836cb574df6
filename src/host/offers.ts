// What only root and the guest's user may open, offered to the control plane: on its own machine by a socket for one
// connection, for a minute; elsewhere the host connects to where it is wanted. A guest's screen or serial line is bridged; a
// file is sent from its beginning to its end.

import { chmodSync, constants, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';
import type { AgentOptions } from '#/host/agent.ts';
import type { Destination } from '#/host/commands.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

const offerMs = 60_000;

type Place = Pick<AgentOptions, 'consoleDirectory' | 'dial' | 'random' | 'clock'>;

/** @returns the path of a socket that bridges its first connection to `target`; null when it was brought to `to` */
export function offerConsole(place: Place, target: string, to?: Destination): Promise<string | null> {
  return offer(place, 'console', to, {
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
 * @returns the path of a socket that sends its first connection the file (null when it was brought to `to`), and its length
 */
export async function offerFile(
  place: Place,
  file: { path: string; uid: number },
  to?: Destination,
): Promise<{ path: string | null; sizeBytes: number }> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const opened = await open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const close = (): void => void opened.close().catch(() => {});
  try {
    const facts = await opened.stat();
    if (!facts.isFile() || facts.uid !== file.uid || facts.nlink !== 1)
      throw new Error(`${file.path} is not what was put there`);
    const path = await offer(place, 'file', to, {
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

interface Offered {
  serve(client: Duplex): void;
  /** When nobody came. */
  unused?(): void;
}

async function offer(place: Place, name: string, to: Destination | undefined, what: Offered): Promise<string | null> {
  const { consoleDirectory, dial } = place;
  const wayOut = to ? dial : consoleDirectory;
  if (!wayOut) throw new Problem('unsupported', platformTexts.unsupported, { what: name });
  if (typeof wayOut === 'string') return offerSocket(place, wayOut, what);
  what.serve(await wayOut(to!));
  return null;
}

function offerSocket({ random, clock }: Place, directory: string, what: Offered): Promise<string> {
  const path = join(directory, `${newUuid(random)}.sock`);
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
