// The first rows: the default domain, two projects with a user each, OpenStack's roles, and the catalog. Runs at every
// start; what is there stays, only the catalog's own URLs follow the configured public one.

import { newHexId, now, type Tx } from '#/platform/database/tx.ts';
import type { SeedSettings } from '#/platform/http/service.ts';
import { tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

export const defaultDomainId = 'default';
/** Each implies the next. */
const roleChain = ['admin', 'manager', 'member', 'reader'];
/** Every rule stands on these roles: whoever would change or delete one unlocks it first. */
const lasting = '{"immutable":true}';

export async function seedIdentity(tx: Tx, settings: SeedSettings): Promise<void> {
  await seedPeople(tx, settings);
  await seedCatalog(tx, settings);
  await tokensChanged(tx);
}

async function seedPeople(tx: Tx, { adminPasswordHash }: SeedSettings): Promise<void> {
  const db = tables(tx);
  if (await db.selectFrom('projects').select('id').where('id', '=', defaultDomainId).executeTakeFirst()) return;
  const project = { enabled: 1, tags: '[]', options: '{}', extra: '{}' };
  await db
    .insertInto('projects')
    .values({
      ...project,
      id: defaultDomainId,
      name: 'Default',
      domainId: null,
      parentId: null,
      isDomain: 1,
      description: 'The default domain',
      nameScope: '',
    })
    .execute();
  const roles: Record<string, string> = {};
  for (const name of [...roleChain, 'service']) {
    const id = (roles[name] = newHexId(tx));
    await db
      .insertInto('roles')
      .values({ id, name, domainId: null, description: null, options: lasting, extra: '{}', nameScope: '' })
      .execute();
  }
  for (let at = 1; at < roleChain.length; at++)
    await db
      .insertInto('impliedRoles')
      .values({ priorRoleId: roles[roleChain[at - 1]!]!, impliedRoleId: roles[roleChain[at]!]! })
      .execute();
  for (const [name, role, description] of [
    ['admin', 'admin', 'The project of the administrators'],
    ['demo', 'member', 'A project to try things in'],
  ] as const) {
    const projectId = newHexId(tx);
    const userId = newHexId(tx);
    await db
      .insertInto('projects')
      .values({
        ...project,
        id: projectId,
        name,
        domainId: defaultDomainId,
        parentId: defaultDomainId,
        isDomain: 0,
        description,
        nameScope: defaultDomainId,
      })
      .execute();
    await db
      .insertInto('users')
      .values({
        id: userId,
        domainId: defaultDomainId,
        name,
        enabled: 1,
        defaultProjectId: null,
        passwordHash: adminPasswordHash,
        passwordExpiresAt: null,
        options: '{}',
        extra: '{}',
        tokenEpoch: 0,
        createdAt: now(tx),
      })
      .execute();
    const assignment = { actorType: 'user', actorId: userId, roleId: roles[role]!, inherited: 0 } as const;
    await db
      .insertInto('roleAssignments')
      .values({ ...assignment, targetType: 'project', targetId: projectId })
      .execute();
    if (role === 'admin')
      await db
        .insertInto('roleAssignments')
        .values({ ...assignment, targetType: 'system', targetId: 'system' })
        .execute();
  }
}

async function seedCatalog(tx: Tx, { region, publicUrl, services }: SeedSettings): Promise<void> {
  const db = tables(tx);
  await db
    .insertInto('regions')
    .values({ id: region, description: '', parentRegionId: null, extra: '{}' })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute();
  const wanted = services.flatMap(({ name, type, catalogName, aliases = [], catalogPath }) => {
    const url = `${publicUrl}/${name}${catalogPath.replaceAll(/\{(\w+)\}/g, '$$($1)s')}`;
    return [type, ...aliases].map(catalogType => ({
      type: catalogType,
      name: catalogType === type ? catalogName : aliasName(catalogName, type, catalogType),
      url,
    }));
  });
  const known = await db.selectFrom('catalogServices').select(['id', 'type']).execute();
  for (const { type, name, url } of wanted) {
    const before = known.find(service => service.type === type);
    if (before) {
      await db
        .updateTable('catalogEndpoints')
        .set({ url })
        .where('serviceId', '=', before.id)
        .where('followsConfig', '=', 1)
        .execute();
      continue;
    }
    const serviceId = newHexId(tx);
    await db
      .insertInto('catalogServices')
      .values({ id: serviceId, type, name, description: '', enabled: 1, extra: '{}' })
      .execute();
    for (const kind of ['public', 'internal', 'admin'])
      await db
        .insertInto('catalogEndpoints')
        .values({
          id: newHexId(tx),
          serviceId,
          regionId: region,
          interface: kind,
          url,
          enabled: 1,
          name: null,
          description: null,
          extra: '{}',
          followsConfig: 1,
        })
        .execute();
  }
}

/** `cinder` of type `block-storage` is `cinderv3` under the alias `volumev3`. */
function aliasName(name: string, type: string, alias: string): string {
  const version = /v\d$/.exec(alias)?.[0] ?? '';
  return type.endsWith(version) && version !== '' ? name : `${name}${version}`;
}
