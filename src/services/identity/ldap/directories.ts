// The directories of domains as the identity service uses them: read before lists, asked at logins, looked through every
// five minutes so that who was disabled there is out here too.

import type { Database } from '#/platform/database/database.ts';
import { afterCommit } from '#/platform/database/tx.ts';
import type { Asked, Endpoint, Query } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Passwords } from '#/platform/access/passwords.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { passwordFits, readGroups, readUsers, withDirectory } from '#/services/identity/ldap/directory.ts';
import { allDirectories, type DirectoryConfig, directoryOf } from '#/services/identity/ldap/directory-config.ts';
import { keepAll, keepOne, localIdOf } from '#/services/identity/ldap/directory.store.ts';
import { ldapTexts as t } from '#/services/identity/ldap/texts.ts';
import { domainOfToken } from '#/services/identity/judge.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { RefusedLogin } from '#/services/identity/tokens/refused-login.ts';
import { findDomainId, findUserAsked, type UserAsk } from '#/services/identity/tokens/methods/find-user.ts';
import type { AuthMethod } from '#/services/identity/tokens/methods/method.ts';
import { one } from '#/services/identity/wire.ts';

export interface DirectoryNeeds {
  db: Database;
  vault: Vault;
  passwords: Passwords;
  log: Logger;
}

/** Reads a whole directory and keeps what it says. @throws Problem unavailable */
export async function readDirectory({ db }: Pick<DirectoryNeeds, 'db'>, config: DirectoryConfig): Promise<void> {
  const read = await withDirectory(config, async client => ({
    users: await readUsers(client, config),
    groups: await readGroups(client, config),
  }));
  await db.write(tx => keepAll(tx, config.domainId, read, config.flag('group_members_are_ids')));
}

/** The method `password`, which for users of a directory is a bind there. */
export function directoryPasswords(password: AuthMethod, needs: DirectoryNeeds): AuthMethod {
  const { db, vault, passwords, log } = needs;
  return {
    body: password.body,
    async prove(ask, asked) {
      const { user: wanted } = ask as { user: UserAsk & { password: string } };
      const config = await db.read(async tx => {
        const domainId =
          wanted.id === undefined
            ? wanted.name === undefined
              ? undefined
              : await findDomainId(tx, wanted.domain)
            : (await findUserAsked(tx, { id: wanted.id }))?.domainId;
        return domainId === undefined ? null : directoryOf(tx, vault, domainId);
      });
      if (!config) return password.prove(ask, asked);
      const user = await bound(config, wanted);
      if (!user) {
        // As slow as a password that is checked here.
        await passwords.verify(null, wanted.password);
        log.info({ domainId: config.domainId }, 'directory login refused');
        throw refused(new RefusedLogin(null, 'WrongPassword'));
      }
      return { user, methods: ['password'] };
    },
  };

  async function bound(config: DirectoryConfig, wanted: UserAsk & { password: string }): Promise<UserRow | null> {
    const localId = wanted.id === undefined ? undefined : await db.read(tx => localIdOf(tx, wanted.id!));
    const by =
      localId === undefined
        ? ({ attribute: 'user_name_attribute', value: wanted.name ?? '' } as const)
        : ({ attribute: 'user_id_attribute', value: localId } as const);
    const found = await withDirectory(config, client => readUsers(client, config, by));
    const [user] = found;
    if (!user?.enabled || found.length > 1 || !(await passwordFits(config, user.dn, wanted.password))) return null;
    const member = config.flag('group_members_are_ids') ? user.localId : user.dn;
    const groups = await withDirectory(config, client => readGroups(client, config, member));
    const row = await db.write(tx => keepOne(tx, config.domainId, { users: [user], groups }));
    return row.enabled ? row : null;
  }
}

type Found = { id: string; domainId: string };
type HandlerAsked = Asked<{ user?: { domain_id?: string }; group?: { domain_id?: string } }, Query, Found> & {
  tx: Parameters<typeof directoryOf>[0];
};

const listRoutes = ['GET /v3/users', 'GET /v3/groups'];
const createRoutes = ['POST /v3/users', 'POST /v3/groups'];
const changeRoutes = [
  ...['PATCH', 'DELETE'].flatMap(method => [`${method} /v3/users/{user_id}`, `${method} /v3/groups/{group_id}`]),
  ...['PUT', 'DELETE'].map(method => `${method} /v3/groups/{group_id}/users/{user_id}`),
];

/** The calls of users and groups, for domains with directories too: lists read them first, changes are refused. */
export function withDirectories(endpoints: Endpoint[], needs: DirectoryNeeds): Endpoint[] {
  const { db, vault } = needs;
  return endpoints.map(endpoint => {
    const { handle } = endpoint;
    const route = `${endpoint.method} ${endpoint.path}`;
    if (listRoutes.includes(route))
      return {
        ...endpoint,
        async prepare(asked: Asked<undefined, Query, undefined>) {
          const domainId = one(asked.query, 'domain_id') ?? asked.caller.domainId;
          const config = domainId == null ? null : await db.read(tx => directoryOf(tx, vault, domainId));
          if (config) await readDirectory(needs, config);
        },
      };
    const creates = createRoutes.includes(route);
    if (!handle || (!creates && !changeRoutes.includes(route))) return endpoint;
    return {
      ...endpoint,
      async handle(asked: HandlerAsked) {
        const { body, found, caller } = asked;
        const domainId = creates ? ((body.user ?? body.group)?.domain_id ?? domainOfToken(caller)) : domainOf(found);
        const config = domainId == null ? null : await directoryOf(asked.tx, vault, domainId);
        if (config) throw new Problem('forbidden', t.readOnly, { domain: config.domainId });
        return handle(asked);
      },
    };
  });
}

/** What was found is a user or group, or a membership with its group. */
function domainOf(found: Found | { group: Found }): string {
  return 'group' in found ? found.group.domainId : found.domainId;
}

export function directoryChores(needs: DirectoryNeeds): NonNullable<Service['chores']> {
  const { vault, log } = needs;
  const reading = new Set<string>();
  return [
    {
      name: 'identity.read-directories',
      everyMs: 300_000,
      async run(tx) {
        for (const config of await allDirectories(tx, vault)) {
          const { domainId } = config;
          if (reading.has(domainId)) continue;
          // Outside the transaction: a directory may take its time.
          afterCommit(tx, () => {
            reading.add(domainId);
            readDirectory(needs, config)
              .catch((error: unknown) => log.warn({ domainId, error }, 'a directory could not be read'))
              .finally(() => reading.delete(domainId));
          });
        }
      },
    },
  ];
}
