// Members: the projects that a shared image is shared with, and whether they took it. API: Image v2, "Sharing".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { array, object, open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { findVisible, type Image, readsAll } from '#/services/image/images/image.store.ts';
import { limits } from '#/services/image/images/image.rules.ts';
import { wireTime } from '#/services/image/images/image.view.ts';
import { type MemberRow, tables } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

const owner = 'role:admin or (role:member and project_id:%(project_id)s)';
const ownerOrMember = 'role:admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)';

const memberView = object({
  image_id: string(),
  member_id: string(),
  status: string(),
  created_at: string(),
  updated_at: string(),
  schema: string(),
});

function toView({ imageId, memberId, status, createdAt, updatedAt }: MemberRow) {
  return {
    image_id: imageId,
    member_id: memberId,
    status,
    created_at: wireTime(createdAt),
    updated_at: wireTime(updatedAt),
    schema: '/v2/schemas/member',
  };
}

/** A membership; its image must be visible, and a project sees only its own of others' images. */
const aMember: Finder<{ image: Image; member: MemberRow }> = {
  async find({ tx, path, caller, policy }) {
    const all = readsAll(caller, policy);
    const image = await findVisible(tx, path['image_id']!, caller, all);
    const member = image && (await findMember(tx, image.id, path['member_id']!));
    if (!image || !member) return undefined;
    const may = all || image.projectId === caller.projectId || member.memberId === caller.projectId;
    return may ? { image, member } : undefined;
  },
  missing: path =>
    new Problem('notFound', t.memberNotFound, {
      id: path['image_id']!.slice(0, 80),
      member: path['member_id']!.slice(0, 80),
    }),
  target: ({ image, member }) => ({
    project_id: image.projectId,
    owner: image.projectId,
    member_id: member.memberId,
    visibility: image.visibility,
  }),
  visible: () => true,
};

async function findMember(tx: Tx, imageId: string, memberId: string): Promise<MemberRow | undefined> {
  return tables(tx)
    .selectFrom('imageMembers')
    .selectAll()
    .where('imageId', '=', imageId)
    .where('memberId', '=', memberId)
    .executeTakeFirst();
}

const add = endpoint({
  policy: 'add_member',
  allow: owner,
  scopes: ['project'],
  route: 'POST /v2/images/{image_id}/members',
  find: anImage,
  body: open({ member: string({ min: 1, max: 255 }) }),
  replies: { 200: memberView },
  async handle({ tx, found, body }) {
    const { id, visibility } = found;
    if (visibility !== 'shared') throw new Problem('forbidden', t.notShared, { id, visibility });
    if (await findMember(tx, id, body.member))
      throw new Problem('conflict', t.memberDuplicate, { id, member: body.member });
    const known = await tables(tx).selectFrom('imageMembers').select('memberId').where('imageId', '=', id).execute();
    if (known.length >= limits.members)
      throw new Problem('tooLarge', t.limit, { limit: limits.members, what: 'members' });
    const row: MemberRow = {
      imageId: id,
      memberId: body.member,
      status: 'pending',
      createdAt: now(tx),
      updatedAt: now(tx),
    };
    await tables(tx).insertInto('imageMembers').values(row).execute();
    return { 200: toView(row) };
  },
});

const list = endpoint({
  policy: 'get_members',
  allow: ownerOrMember,
  scopes: ['project'],
  route: 'GET /v2/images/{image_id}/members',
  find: anImage,
  replies: { 200: object({ members: array(memberView), schema: string() }) },
  async handle({ tx, found, caller, policy }) {
    const rows = await tables(tx)
      .selectFrom('imageMembers')
      .selectAll()
      .where('imageId', '=', found.id)
      .orderBy('createdAt')
      .orderBy('memberId')
      .execute();
    const all = readsAll(caller, policy) || found.projectId === caller.projectId;
    const shown = rows.filter(row => all || row.memberId === caller.projectId);
    return { 200: { members: shown.map(toView), schema: '/v2/schemas/members' } };
  },
});

const show = endpoint({
  policy: 'get_member',
  allow: ownerOrMember,
  scopes: ['project'],
  route: 'GET /v2/images/{image_id}/members/{member_id}',
  find: aMember,
  replies: { 200: memberView },
  handle: async ({ found }) => ({ 200: toView(found.member) }),
});

const update = endpoint({
  policy: 'modify_member',
  allow: 'role:admin or (role:member and project_id:%(member_id)s)',
  scopes: ['project'],
  route: 'PUT /v2/images/{image_id}/members/{member_id}',
  find: aMember,
  body: open({ status: string() }),
  replies: { 200: memberView },
  async handle({ tx, found, body }) {
    const { status } = body;
    if (status !== 'pending' && status !== 'accepted' && status !== 'rejected')
      throw new Problem('invalid', t.invalid, { name: 'status', why: 'it must be pending, accepted or rejected' });
    const row: MemberRow = { ...found.member, status, updatedAt: now(tx) };
    await tables(tx)
      .updateTable('imageMembers')
      .set({ status, updatedAt: row.updatedAt })
      .where('imageId', '=', row.imageId)
      .where('memberId', '=', row.memberId)
      .execute();
    return { 200: toView(row) };
  },
});

const remove = endpoint({
  policy: 'delete_member',
  allow: owner,
  scopes: ['project'],
  route: 'DELETE /v2/images/{image_id}/members/{member_id}',
  find: aMember,
  replies: { 204: null },
  async handle({ tx, found }) {
    await tables(tx)
      .deleteFrom('imageMembers')
      .where('imageId', '=', found.member.imageId)
      .where('memberId', '=', found.member.memberId)
      .execute();
    return { 204: undefined };
  },
});

export const memberEndpoints = [add, list, show, update, remove];
