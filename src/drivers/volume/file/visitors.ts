// Guests of other hosts: their agents come over the channel, show a ticket, and are joined to the disk's daemon. A ticket
// is good for one connection at a time, so what a broken one left unsent never comes after what its successor sent.

import { connect } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import type { Disk } from '#/drivers/volume/volume-driver.ts';
import { type Channel, isSameTicket } from '#/platform/channel/channel.ts';

/** What is asked of a disk's host: its bytes, or only whether they would be given. */
export const diskStreams = { serve: 'nbd', look: 'look' } as const;

type Key = Disk['key'];

export interface Visitors {
  /** These tickets are good for the disk, and no others: whoever came with another one is cut off. */
  admit(key: Key, tickets: readonly string[]): void;
  close(): void;
}

/** @param socketOf where the disk's daemon listens */
export function visitors(channel: Channel, socketOf: (key: Key) => string): Visitors {
  const admitted = new Map<Key, readonly string[]>();
  /** By ticket. */
  const present = new Map<string, Duplex>();

  const end = channel.serve('volume', async ({ id, ticket, stream }) => {
    const key: Key = `volume/${id}`;
    const good = admitted.get(key)?.find(one => isSameTicket(one, ticket));
    if (good === undefined) return null;
    if (stream === diskStreams.look) return new PassThrough().end();
    if (stream !== diskStreams.serve) return null;
    // Ended before its successor begins.
    present.get(good)?.destroy();
    const daemon = await connected(socketOf(key));
    // It may have been taken back meanwhile.
    if (!daemon || !admitted.get(key)?.includes(good)) {
      daemon?.destroy();
      return null;
    }
    present.get(good)?.destroy();
    present.set(good, daemon);
    daemon.on('close', () => {
      if (present.get(good) === daemon) present.delete(good);
    });
    return daemon;
  });

  return {
    admit(key, tickets) {
      for (const ticket of admitted.get(key) ?? []) if (!tickets.includes(ticket)) present.get(ticket)?.destroy();
      if (tickets.length) admitted.set(key, tickets);
      else admitted.delete(key);
    },
    close: end,
  };
}

function connected(path: string): Promise<Duplex | null> {
  return new Promise(resolve => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}
