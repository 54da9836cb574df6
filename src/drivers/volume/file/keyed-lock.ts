// One at a time per key, in the order of asking.

export type KeyedLock = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** A lock of its own; keys nobody waits for take no memory. */
export function keyedLock(): KeyedLock {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => {});
    last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
