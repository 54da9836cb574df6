// Keeps exports served: a daemon that died is started again within a second or two, long before guests give up waiting
// for their disks.

import type { Tools } from '#/drivers/tools.ts';
import type { Disk } from '#/drivers/volume/volume-driver.ts';
import type { Timer } from '#/platform/clock/clock.ts';

const watchMs = 1_000;

type Key = Disk['key'];

/** @param mend starts the disk's daemon unless it runs; true when it had to */
export function exportWatch({ clock, log }: Tools, mend: (key: Key) => Promise<boolean>) {
  const watched = new Set<Key>();
  /** Told once, not every second. */
  const failing = new Set<Key>();
  let timer: Timer | null = null;
  let closed = false;

  function again(): void {
    timer = null;
    if (closed || watched.size === 0) return;
    timer = clock.after(watchMs, () => void Promise.all([...watched].map(look)).finally(again));
  }

  async function look(key: Key): Promise<void> {
    try {
      if (watched.has(key) && (await mend(key))) log.warn({ key }, 'the export had stopped and was started again');
      failing.delete(key);
    } catch (err) {
      if (!failing.has(key)) log.error({ err, key }, 'the export stopped and could not be started again');
      failing.add(key);
    }
  }

  return {
    has: (key: Key): boolean => watched.has(key),
    add(key: Key): void {
      watched.add(key);
      if (!timer) again();
    },
    delete(key: Key): void {
      watched.delete(key);
      failing.delete(key);
    },
    close(): void {
      closed = true;
      timer?.cancel();
    },
  };
}
