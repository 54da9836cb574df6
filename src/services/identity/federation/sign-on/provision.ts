// From what a provider says of somebody to a user of this cloud: the mapping decides who; groups, projects and roles follow.

import { nowMs, newHexId, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { addGrant } from '#/services/identity/assignments/assignment.store.ts';
import { applyMapping, type Mapped } from '#/services/identity/federation/mappings/mapping.rules.ts';
import type { DomainRef, Rule, SchemaVersion } from '#/services/identity/federation/mappings/mapping.schema.ts';
import { findMapping } from '#/services/identity/federation/mappings/mapping.store.ts';
import { type Provider, usableProtocol } from '#/services/identity/federation/providers/provider.store.ts';
import { shadowUser } from '#/services/identity/federation/sign-on/federated-user.store.ts';
import { setMemberships } from '#/services/identity/federation/sign-on/membership.store.ts';
import type { SignOn } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import type { ProtocolRow } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { findGroup, listGroups } from '#/services/identity/groups/group.store.ts';
import { findDomain, insertProject, listProjects } from '#/services/identity/projects/project.store.ts';
import { listRoles } from '#/services/identity/roles/role.store.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import type { Login } from '#/services/identity/tokens/login.ts';
import { findUserAsked } from '#/services/identity/tokens/methods/find-user.ts';
import { type MethodName, methodNames } from '#/services/identity/tokens/payload.ts';

/** The login that comes of it. @throws Problem unauthenticated, forbidden, notFound */
export async function provision(tx: Tx, signOn: SignOn, tokenSeconds: number): Promise<Login> {
  const { provider, protocol } = await usableProtocol(tx, signOn.idp, signOn.protocol);
  checkRemoteId(provider, protocol, signOn);
  const mapping = await findMapping(tx, protocol.mappingId);
  if (!mapping) throw new Problem('unauthenticated', t.noMapping, { id: protocol.mappingId });
  const version = mapping.schemaVersion as SchemaVersion;
  const mapped = applyMapping(JSON.parse(mapping.rules) as Rule[], version, signOn.assertion);
  const bounds = { identityProviderId: provider.id, protocolId: protocol.id };
  const login = { methods: [methodOf(protocol.id)], from: null };
  if (mapped.user.type === 'local') return { ...login, bounds: {}, user: await localUser(tx, mapped) };
  const user = await ephemeralUser(tx, mapped, provider, protocol, signOn);
  const groupIds = await groupsOf(tx, mapped);
  const seconds = Math.max((provider.authorizationTtl ?? 0) * 60, tokenSeconds);
  await setMemberships(tx, { userId: user.id, idpId: provider.id }, groupIds, nowMs(tx) + seconds * 1000);
  await provideProjects(tx, mapped, provider, user);
  return { ...login, bounds, user };
}

/** What tokens say that they were made by. */
export function methodOf(protocolId: string): MethodName {
  const known = methodNames.find(name => name === protocolId);
  return known === 'saml2' || known === 'openid' ? known : 'mapped';
}

/** The provider must call itself by one of the names that it has here. @throws Problem forbidden */
function checkRemoteId(provider: Provider, { remoteIdAttribute }: ProtocolRow, { assertion, issuer }: SignOn): void {
  if (!provider.remoteIds.length) return;
  const own = remoteIdAttribute !== null && Object.hasOwn(assertion, remoteIdAttribute);
  const named = own ? assertion[remoteIdAttribute]! : [issuer];
  if (!named.some(name => provider.remoteIds.includes(name))) throw new Problem('forbidden', t.remoteIdUnknown);
}

async function localUser(tx: Tx, { user: { id, name, domain } }: Mapped): Promise<UserRow> {
  if (id === undefined && (name === undefined || (domain?.id ?? domain?.name) === undefined))
    throw new Problem('unauthenticated', t.notMapped, { why: 'a local user needs an id, or a name and a domain' });
  const user = await findUserAsked(tx, id === undefined ? { name, domain } : { id });
  if (!user?.enabled) throw refused();
  return user;
}

async function ephemeralUser(
  tx: Tx,
  { user }: Mapped,
  provider: Provider,
  protocol: ProtocolRow,
  { assertion }: SignOn,
): Promise<UserRow> {
  const uniqueId = user.id ?? user.name ?? assertion['REMOTE_USER']?.[0];
  if (!uniqueId) throw new Problem('unauthenticated', t.notMapped, { why: 'it gives no user id or name' });
  const row = await shadowUser(tx, {
    idpId: provider.id,
    protocolId: protocol.id,
    uniqueId,
    displayName: user.name || uniqueId,
    domainId: user.domain ? await domainId(tx, user.domain) : provider.domainId,
    email: user.email,
  });
  if (!row.enabled) throw refused();
  return row;
}

/** Groups by id must be there; those by name that are not are passed over, as in OpenStack. */
async function groupsOf(tx: Tx, { groupIds, groupNames }: Mapped): Promise<string[]> {
  const ids = new Set<string>();
  for (const id of groupIds) {
    if (!(await findGroup(tx, id)))
      throw new Problem('unauthenticated', t.notMapped, { why: `there is no group ${id.slice(0, 80)}` });
    ids.add(id);
  }
  for (const { name, domain } of groupNames) {
    const [group] = await listGroups(tx, { domainId: await domainId(tx, domain), name });
    if (group) ids.add(group.id);
  }
  return [...ids];
}

/** Makes the projects that a mapping names, and gives the user the roles on them. */
async function provideProjects(tx: Tx, { projects }: Mapped, provider: Provider, user: UserRow): Promise<void> {
  for (const { name, domain, roles } of projects) {
    const projectDomainId = domain ? await domainId(tx, domain) : provider.domainId;
    const [known] = await listProjects(tx, { isDomain: false, domainId: projectDomainId, name });
    const projectId = known?.id ?? (await makeProject(tx, name, projectDomainId, provider));
    for (const role of roles) {
      const roleDomainId = role.domain ? await domainId(tx, role.domain) : null;
      const [found] = await listRoles(tx, roleDomainId, role.name);
      if (!found || (found.domainId !== null && found.domainId !== projectDomainId))
        throw new Problem('unauthenticated', t.notMapped, { why: `there is no role ${role.name.slice(0, 80)}` });
      const grant = { actorType: 'user', actorId: user.id, targetType: 'project', targetId: projectId } as const;
      await addGrant(tx, { ...grant, roleId: found.id, inherited: 0 });
    }
  }
}

async function makeProject(tx: Tx, name: string, projectDomainId: string, provider: Provider): Promise<string> {
  const id = newHexId(tx);
  await insertProject(tx, {
    id,
    name: name.slice(0, 64),
    domainId: projectDomainId,
    parentId: projectDomainId,
    isDomain: 0,
    enabled: 1,
    description: `Made by a login through ${provider.id}`,
    tags: '[]',
    options: '{}',
    extra: '{}',
    nameScope: projectDomainId,
  });
  return id;
}

/** @throws Problem unauthenticated when there is no such domain */
async function domainId(tx: Tx, { id, name }: DomainRef): Promise<string> {
  const row =
    id === undefined
      ? name === undefined
        ? undefined
        : (await listProjects(tx, { isDomain: true, name }))[0]
      : await findDomain(tx, id);
  if (!row)
    throw new Problem('unauthenticated', t.notMapped, { why: `there is no domain ${(id ?? name ?? '').slice(0, 80)}` });
  return row.id;
}
