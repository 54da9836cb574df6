// Images: what servers and volumes start from. API: Image v2, "Images".

import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { type Asked, endpoint, type Query, type RequestFacts } from '#/platform/http/endpoint.ts';
import { pageLimit, pageOf, sortKeys } from '#/platform/http/page.ts';
import { any, array, as, mapOf, object, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { deleteImage } from '#/services/image/images/delete-image.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { readFilters } from '#/services/image/images/image-list.rules.ts';
import {
  checkOwner,
  checkWritable,
  type Draft,
  emptyDraft,
  rulesFor,
  setAttribute,
} from '#/services/image/images/image.rules.ts';
import {
  findImage,
  type Image,
  insertImage,
  readsAll,
  updateImage,
  withDetails,
} from '#/services/image/images/image.store.ts';
import { imageView } from '#/services/image/images/image.view.ts';
import { tables } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export const wireImage = mapOf(any());

const reader =
  "role:admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))";
const owner = 'role:admin or (role:member and project_id:%(project_id)s)';

const create = endpoint({
  policy: 'add_image',
  allow: 'role:admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)',
  scopes: ['project'],
  route: 'POST /v2/images',
  find: {
    find: async ({ caller }) => ({ projectId: caller.projectId ?? '' }),
    missing: () => new Problem('notFound', t.notFound, { id: '' }),
    target: ({ projectId }) => ({ project_id: projectId, owner: projectId }),
    visible: () => true,
  },
  body: mapOf(any(), { max: 300 }),
  replies: { 201: wireImage },
  async handle({ tx, body, caller, request, policy }) {
    const draft = emptyDraft(caller.projectId ?? '');
    for (const [name, value] of Object.entries(body)) {
      if (name === 'id') continue;
      checkWritable(name);
      setAttribute(draft, name, value);
    }
    checkOwner(draft, caller.projectId, caller);
    checkRules(policy, caller, draft, null);
    const id = body['id'] === undefined ? newId(tx) : checkId(body['id']);
    await insertImage(tx, { ...blankImage(tx, id), ...draft });
    const headers = {
      location: `${request.base}/v2/images/${id}`,
      'openstack-image-import-methods': 'glance-direct',
      'openstack-image-store-ids': 'local',
    };
    return { 201: imageView((await findImage(tx, id))!), headers };
  },
});

/** What the service itself says of a new image. */
export function blankImage(tx: Tx, id: string): Omit<Image, keyof Draft | 'memberId'> {
  return {
    id,
    status: 'queued',
    sizeBytes: null,
    virtualSizeBytes: null,
    md5: null,
    sha512: null,
    formatProven: 0,
    uploadId: null,
    uploadAliveAt: 0,
    createdAt: now(tx),
    updatedAt: now(tx),
  };
}

function checkId(id: unknown): string {
  if (typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw new Problem('invalid', t.invalid, { name: 'id', why: 'it must be a UUID' });
}

/** @throws Problem forbidden for the first further rule that the caller does not satisfy */
export function checkRules(
  policy: Asked<unknown, unknown, unknown>['policy'],
  caller: Caller,
  draft: Draft,
  before: Draft | null,
): void {
  const target = { project_id: draft.projectId, owner: draft.projectId, visibility: draft.visibility };
  for (const rule of rulesFor(draft, before))
    if (!policy.allows(rule, caller.credentials, target)) throw new Problem('forbidden', t.notAllowed, { rule });
}

const sortable = {
  name: 'name',
  status: 'status',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  size: 'sizeBytes',
  id: 'id',
  visibility: 'visibility',
  owner: 'projectId',
  min_disk: 'minDiskGib',
  min_ram: 'minRamMib',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
} as const;

const list = endpoint({
  policy: 'get_images',
  allow: 'role:admin or (role:reader and project_id:%(project_id)s)',
  scopes: ['project'],
  route: 'GET /v2/images',
  query: as<Query>(mapOf(any())),
  replies: {
    200: object({ images: array(wireImage), first: string(), next: optional(string()), schema: string() }),
  },
  async handle({ tx, query, caller, policy, request }) {
    checkNamed(request);
    const asked = { ...readFilters(query), all: readsAll(caller, policy) };
    const rows = await visibleRows(tx, caller, asked);
    const images = (await withDetails(tx, rows)).filter(asked.matches);
    const sort = sortKeys<Image>(query, sortable, [
      { key: 'createdAt', direction: 'desc' },
      { key: 'id', direction: 'desc' },
    ]);
    const marker = typeof query['marker'] === 'string' ? query['marker'] : undefined;
    const page = pageOf(images, { sort, marker, limit: pageLimit(query['limit'], 25) });
    const last = page.rows.at(-1);
    return {
      200: {
        images: page.rows.map(imageView),
        first: pageLink(request, null),
        ...(page.more && last ? { next: pageLink(request, last.id) } : {}),
        schema: '/v2/schemas/images',
      },
    };
  },
});

/** `/v2/images/` is an image without an id, not the list. @throws Problem notFound */
function checkNamed({ url }: RequestFacts): void {
  if (url.split('?')[0]!.endsWith('/')) throw new Problem('notFound', t.notFound, { id: '' });
}

const removeNone = endpoint({
  policy: 'delete_image',
  route: 'DELETE /v2/images',
  replies: { 204: null },
  handle: async () => Promise.reject(new Problem('notFound', t.notFound, { id: '' })),
});

async function visibleRows(
  tx: Tx,
  caller: Caller,
  asked: { visibility: string | null; memberStatus: string; all: boolean },
) {
  const all = tables(tx).selectFrom('images').selectAll().where('status', '!=', 'deleted');
  if (asked.all) return all.execute();
  const project = caller.projectId ?? '';
  let shared = tables(tx).selectFrom('imageMembers').select('imageId').where('memberId', '=', project);
  if (asked.memberStatus !== 'all')
    shared = shared.where('status', '=', asked.memberStatus as 'pending' | 'accepted' | 'rejected');
  const community = asked.visibility === 'community' || asked.visibility === 'all';
  return all
    .where(eb =>
      eb.or([
        eb('projectId', '=', project),
        eb('visibility', 'in', community ? ['public', 'community'] : ['public']),
        eb.and([eb('visibility', '=', 'shared'), eb('id', 'in', shared)]),
      ]),
    )
    .execute();
}

function pageLink(request: RequestFacts, marker: string | null): string {
  const parameters = new URLSearchParams(request.url.split('?')[1] ?? '');
  if (marker === null) parameters.delete('marker');
  else parameters.set('marker', marker);
  const text = parameters.toString();
  return `/v2/images${text ? `?${text}` : ''}`;
}

const show = endpoint({
  policy: 'get_image',
  allow: reader,
  scopes: ['project'],
  route: 'GET /v2/images/{image_id}',
  find: anImage,
  replies: { 200: wireImage },
  handle: async ({ found }) => ({ 200: imageView(found) }),
});

const remove = endpoint({
  policy: 'delete_image',
  allow: owner,
  scopes: ['project'],
  route: 'DELETE /v2/images/{image_id}',
  find: anImage,
  replies: { 204: null },
  async handle({ tx, found }) {
    if (found.protected) throw new Problem('forbidden', t.protected, { id: found.id });
    await deleteImage(tx, found);
    return { 204: undefined };
  },
});

const deactivate = endpoint({
  policy: 'deactivate',
  allow: owner,
  scopes: ['project'],
  route: 'POST /v2/images/{image_id}/actions/deactivate',
  find: anImage,
  replies: { 204: null },
  handle: ({ tx, found }) => switchActive(tx, found, 'deactivated'),
});

const reactivate = endpoint({
  policy: 'reactivate',
  allow: owner,
  scopes: ['project'],
  route: 'POST /v2/images/{image_id}/actions/reactivate',
  find: anImage,
  replies: { 204: null },
  handle: ({ tx, found }) => switchActive(tx, found, 'active'),
});

async function switchActive(tx: Tx, { id, status }: Image, to: 'active' | 'deactivated') {
  if (status !== 'active' && status !== 'deactivated')
    throw new Problem('forbidden', t.wrongStatus, { id, status, wanted: ['active', 'deactivated'] });
  await updateImage(tx, id, { status: to });
  return { 204: undefined };
}

export const imageEndpoints = [create, list, show, remove, removeNone, deactivate, reactivate];
