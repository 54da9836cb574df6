// Whether those who use tokens are still in their directory, and enabled there: asked for all of them together every few
// seconds, and before the first use of a token, so that whoever was shut out there is out here within ten seconds. No
// request waits long for it, and a directory that does not answer leaves everything as it was last read.

import type { Clock } from '#/platform/clock/clock.ts';
import { sleep } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { readUsers, withDirectory } from '#/services/identity/ldap/directory.ts';
import { type DirectoryConfig, directoryDomains, directoryOf } from '#/services/identity/ldap/directory-config.ts';
import { type Entry, entriesOf, shutOut } from '#/services/identity/ldap/directory.store.ts';

/** Those in use are asked about so often. */
export const askEveryMs = 4_000;
/** What was asked longer ago is asked before it is relied on. */
export const freshMs = 8_000;
/** A request waits no longer. */
const patienceMs = 1_500;
/** In one search. */
const idsAtOnce = 100;
const mostRemembered = 50_000;

export interface DirectoryWatch {
  /** Learns whether domains have directories; asks the database at most every few seconds. */
  learn(): Promise<void>;
  /** Whether nobody need be asked about these users now. */
  areFresh(userIds: readonly string[]): boolean;
  /** Asks about those who have not been asked about lately. @returns whether it did */
  beforeUse(userIds: readonly string[]): Promise<boolean>;
  /** Asks about all of them, if it is time. Returns at once. */
  keepFresh(inUse: () => Iterable<string>): void;
}

export function directoryWatch(needs: { db: Database; vault: Vault; clock: Clock; log: Logger }): DirectoryWatch {
  const { db, vault, clock, log } = needs;
  const now = (): number => clock.monotonic();
  const askedAt = new Map<string, number>();
  /** Users who stand in no directory: they never will, by the same id. */
  const local = new Set<string>();
  const asking = new Map<string, Promise<void>>();
  let any = false;
  let learntAt = Number.NEGATIVE_INFINITY;
  let sweptAt = now();
  let sweeping = false;

  const isFresh = (userId: string): boolean =>
    local.has(userId) || now() - (askedAt.get(userId) ?? Number.NEGATIVE_INFINITY) < freshMs;

  /** Asks the directories about some users. */
  async function ask(userIds: string[]): Promise<void> {
    const entries = await db.read(tx => entriesOf(tx, userIds));
    const byDomain = Map.groupBy(entries, ({ domainId }) => domainId);
    await Promise.all([...byDomain].map(([domainId, those]) => askOne(domainId, those)));
    if (askedAt.size > mostRemembered) askedAt.clear();
    if (local.size > mostRemembered) local.clear();
    const there = new Set(entries.map(({ id }) => id));
    for (const id of userIds) {
      if (there.has(id)) askedAt.set(id, now());
      else local.add(id);
    }
  }

  async function askOne(domainId: string, entries: Entry[]): Promise<void> {
    const config = await db.read(tx => directoryOf(tx, vault, domainId));
    if (!config) return;
    try {
      const gone = await goneFrom(config, entries);
      if (!gone.length) return;
      await db.write(tx => shutOut(tx, gone));
      log.info({ domainId, users: gone.length }, 'users are no longer in their directory');
    } catch (error) {
      log.warn({ domainId, error }, 'a directory could not be asked about its users');
    }
  }

  function askOnce(userId: string): Promise<void> {
    let asked = asking.get(userId);
    if (!asked) {
      asked = ask([userId]).finally(() => asking.delete(userId));
      asking.set(userId, asked);
    }
    return asked;
  }

  return {
    async learn() {
      if (now() - learntAt < askEveryMs) return;
      any = (await db.read(tx => directoryDomains(tx, vault))).size > 0;
      learntAt = now();
    },
    areFresh: userIds => !any || userIds.every(isFresh),
    async beforeUse(userIds) {
      const old = any ? userIds.filter(id => !isFresh(id)) : [];
      if (!old.length) return false;
      await Promise.race([Promise.all(old.map(askOnce)), sleep(clock, patienceMs)]);
      // Where it has no answer yet, nobody waits for it again.
      for (const id of old) if (!local.has(id)) askedAt.set(id, now());
      return true;
    },
    keepFresh(inUse) {
      if (sweeping || !any || now() - sweptAt < askEveryMs) return;
      sweeping = true;
      sweptAt = now();
      ask([...new Set(inUse())].filter(id => !local.has(id)))
        .catch((error: unknown) => log.warn({ error }, 'directories could not be asked about users'))
        .finally(() => {
          sweeping = false;
        });
    },
  };
}

/** @returns those who are not there any more, or not enabled: their ids here */
async function goneFrom(config: DirectoryConfig, entries: Entry[]): Promise<string[]> {
  const gone: string[] = [];
  await withDirectory(config, async client => {
    for (let from = 0; from < entries.length; from += idsAtOnce) {
      const some = entries.slice(from, from + idsAtOnce);
      const value = some.map(({ localId }) => localId);
      const users = await readUsers(client, config, { attribute: 'user_id_attribute', value });
      const enabled = new Set(users.filter(user => user.enabled).map(user => user.localId));
      gone.push(...some.filter(({ localId }) => !enabled.has(localId)).map(({ id }) => id));
    }
  });
  return gone;
}
