// Grants: giving and taking roles, to users and groups, on projects, domains and the system, there or below.
// API: Identity v3, "Roles" and "OS-INHERIT".

import type { Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, grantRules, systemReader } from '#/services/identity/allow.ts';
import { findGroup } from '#/services/identity/groups/group.store.ts';
import { findDomain, findProject } from '#/services/identity/projects/project.store.ts';
import { roleTarget, viewRole } from '#/services/identity/roles/role.api.ts';
import { findRole, rolesById } from '#/services/identity/roles/role.store.ts';
import type { RoleRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { findUser } from '#/services/identity/users/user.store.ts';
import { anyQuery, listOf, notFound, schemas, type Wire } from '#/services/identity/wire.ts';
import {
  addGrant,
  type Grant,
  grantsOf,
  hasGrant,
  removeGrant,
} from '#/services/identity/assignments/assignment.store.ts';

type Kind = Pick<Grant, 'actorType' | 'targetType' | 'inherited'>;
interface Found {
  place: Omit<Grant, 'roleId'>;
  role: RoleRow | null;
  /** The domain that the target belongs to; null for the system. */
  domainId: string | null;
  target: Wire;
}

function grantFinder(kind: Kind): Finder<Found> {
  const { actorType, targetType } = kind;
  return {
    async find({ tx, path }) {
      const actorId = path[`${actorType}_id`]!;
      const actor = await (actorType === 'user' ? findUser(tx, actorId) : findGroup(tx, actorId));
      const target = await targetOf(tx, targetType, path);
      const roleId = path['role_id'];
      const role = roleId === undefined ? null : await findRole(tx, roleId);
      if (!actor || !target || role === undefined) return undefined;
      const { domainId } = target;
      return {
        place: { ...kind, actorId, targetId: target.id },
        role,
        domainId,
        target: {
          [actorType]: { id: actor.id, domain_id: actor.domainId },
          ...(targetType === 'system' ? {} : { [targetType]: { id: target.id, domain_id: domainId } }),
          ...(role ? { role: roleTarget(role) } : {}),
        },
      };
    },
    missing: path => notFound('grant', Object.values(path).join(', ')),
    target: ({ target }) => ({ target }),
    visible: ({ domainId }, caller) => caller.domainId !== null && caller.domainId === domainId,
  };
}

async function targetOf(
  tx: Tx,
  type: Grant['targetType'],
  path: Record<string, string>,
): Promise<{ id: string; domainId: string | null } | undefined> {
  if (type === 'system') return { id: 'system', domainId: null };
  const row = await (type === 'project' ? findProject(tx, path['project_id']!) : findDomain(tx, path['domain_id']!));
  return row && { id: row.id, domainId: row.domainId ?? row.id };
}

/** A domain's own role stays within the domain. */
function checkRole({ role, domainId, place }: Found): RoleRow {
  if (role!.domainId !== null && role!.domainId !== domainId)
    throw place.targetType === 'system'
      ? new Problem('invalid', t.systemDomainRole, { role: role!.name })
      : new Problem('forbidden', t.domainRole, { role: role!.name });
  return role!;
}

/** The five calls of one kind of grant. */
function grantEndpoints(kind: Kind): Endpoint[] {
  const { actorType, targetType, inherited } = kind;
  const system = targetType === 'system';
  const base = system ? '/v3/system' : `${inherited ? '/v3/OS-INHERIT' : '/v3'}/${targetType}s/{${targetType}_id}`;
  const path = `${base}/${actorType}s/{${actorType}_id}/roles`;
  const tail = inherited ? '/inherited_to_projects' : '';
  const find = grantFinder(kind);
  const rule = (verb: string): string =>
    system
      ? `identity:${verb}_system_grant${verb === 'list' ? 's' : ''}_for_${actorType}`
      : `identity:${verb}_grant${verb === 'list' ? 's' : ''}`;
  const where = `${inherited ? 'below' : 'on'} a ${targetType}`;

  const list = endpoint({
    policy: rule('list'),
    allow: system ? systemReader : grantRules.list,
    route: `GET ${path}${tail}`,
    summary: `Lists the roles of a ${actorType} ${where}`,
    find,
    query: anyQuery,
    replies: { 200: schemas.list('roles') },
    async handle({ tx, found, query, request }) {
      const roles = await rolesById(tx, await grantsOf(tx, found.place));
      return {
        200: listOf(
          request,
          query,
          'roles',
          roles.map(role => viewRole(role, request)),
        ),
      };
    },
  });
  const check = (['HEAD', 'GET'] as const).map(method =>
    endpoint({
      policy: rule('check'),
      allow: system ? systemReader : grantRules.check,
      route: `${method} ${path}/{role_id}${tail}`,
      summary: `Checks a role of a ${actorType} ${where}`,
      find,
      replies: { 204: null },
      async handle({ tx, found }) {
        const role = found.role!;
        if (!(await hasGrant(tx, { ...found.place, roleId: role.id })))
          throw new Problem('notFound', t.roleNotGranted, { role: role.id });
        return { 204: undefined };
      },
    }),
  );
  const create = endpoint({
    policy: rule('create'),
    allow: system ? admin : grantRules.change,
    route: `PUT ${path}/{role_id}${tail}`,
    summary: `Gives a ${actorType} a role ${where}`,
    find,
    replies: { 204: null },
    async handle({ tx, found }) {
      await addGrant(tx, { ...found.place, roleId: checkRole(found).id });
      return { 204: undefined };
    },
  });
  const revoke = endpoint({
    policy: rule('revoke'),
    allow: system ? admin : grantRules.change,
    route: `DELETE ${path}/{role_id}${tail}`,
    summary: `Takes a role from a ${actorType} ${where}`,
    find,
    replies: { 204: null },
    async handle({ tx, found }) {
      const grant = { ...found.place, roleId: found.role!.id };
      if (!(await hasGrant(tx, grant))) throw new Problem('notFound', t.roleNotGranted, { role: grant.roleId });
      await removeGrant(tx, grant);
      return { 204: undefined };
    },
  });
  return [list, ...check, create, revoke];
}

const places: Omit<Kind, 'actorType'>[] = [
  { targetType: 'project', inherited: 0 },
  { targetType: 'domain', inherited: 0 },
  { targetType: 'system', inherited: 0 },
  { targetType: 'project', inherited: 1 },
  { targetType: 'domain', inherited: 1 },
];
export const allGrantEndpoints: Endpoint[] = places.flatMap(place =>
  (['user', 'group'] as const).flatMap(actorType => grantEndpoints({ actorType, ...place })),
);
