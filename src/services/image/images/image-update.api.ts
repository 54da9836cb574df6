// Changing an image by JSON patch (RFC 6902, and the older form of Image v2.0). API: Image v2, "Images", update.

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { checkRules, wireImage } from '#/services/image/images/image.api.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { checkOwner, checkWritable, type Draft, fixed, setAttribute } from '#/services/image/images/image.rules.ts';
import { findImage, type Image, putProperties, putTags, updateImage } from '#/services/image/images/image.store.ts';
import { imageView } from '#/services/image/images/image.view.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

const update = endpoint({
  policy: 'modify_image',
  allow: 'role:admin or (role:member and project_id:%(project_id)s)',
  scopes: ['project'],
  route: 'PATCH /v2/images/{image_id}',
  find: anImage,
  mediaTypes: ['application/openstack-images-v2.1-json-patch', 'application/openstack-images-v2.0-json-patch'],
  body: array(any(), { max: 1000 }),
  replies: { 200: wireImage },
  async handle({ tx, body, found, caller, policy }) {
    const draft: Draft = draftOf(found);
    readPatch(body).forEach(change => apply(draft, found, change));
    checkOwner(draft, found.projectId, caller);
    checkRules(policy, caller, draft, draftOf(found));
    const { tags, properties, ...row } = draft;
    await updateImage(tx, found.id, row);
    await putTags(tx, found.id, tags);
    await putProperties(tx, found.id, properties);
    return { 200: imageView((await findImage(tx, found.id))!) };
  },
});

function draftOf(image: Image): Draft {
  const { name, visibility, projectId, diskFormat, containerFormat, minDiskGib, minRamMib, hidden } = image;
  return {
    name,
    visibility,
    projectId,
    diskFormat,
    containerFormat,
    minDiskGib,
    minRamMib,
    protected: image.protected,
    hidden,
    tags: image.tags,
    properties: image.properties,
  };
}

interface Change {
  op: 'add' | 'replace' | 'remove';
  name: string;
  value: unknown;
  /** Counted from 1. */
  at: number;
}

function readPatch(body: unknown[]): Change[] {
  return body.map((item, index) => {
    const at = index + 1;
    if (item === null || typeof item !== 'object' || Array.isArray(item)) throw badPatch(at, 'it must be an object');
    const operation = item as Record<string, unknown>;
    const old = (['add', 'replace', 'remove'] as const).filter(op => op in operation);
    if (!('op' in operation) && old.length !== 1) throw badPatch(at, 'its op must be one of add, replace, remove');
    const op = 'op' in operation ? operation['op'] : old[0];
    const path = 'op' in operation ? operation['path'] : operation[old[0]!];
    if (op !== 'add' && op !== 'replace' && op !== 'remove')
      throw badPatch(at, 'its op must be one of add, replace, remove');
    if (op !== 'remove' && !('value' in operation)) throw badPatch(at, 'it needs a value');
    return { op, name: nameIn(path, at), value: operation['value'], at };
  });
}

/** `/name` or `/a~1b` */
function nameIn(path: unknown, at: number): string {
  if (typeof path !== 'string' || !path.startsWith('/') || path.length < 2)
    throw badPatch(at, 'its path must be a slash and an attribute');
  const parts = path.slice(1).split('/');
  if (parts[0] === 'locations') return 'locations';
  if (parts.length > 1 || /~(?![01])/.test(path)) throw badPatch(at, 'its path must name one attribute');
  return parts[0]!.replaceAll('~1', '/').replaceAll('~0', '~');
}

function apply(draft: Draft, image: Image, { op, name, value, at }: Change): void {
  if (name === 'id') throw new Problem('forbidden', t.readOnly, { name });
  checkWritable(name);
  const isFixed = fixed.includes(name);
  if (op === 'remove') {
    if (isFixed) throw new Problem('forbidden', t.notRemovable, { name });
    if (!Object.hasOwn(draft.properties, name))
      throw new Problem('conflict', t.noProperty, { name: name.slice(0, 80) });
    const { [name]: _removed, ...rest } = draft.properties;
    draft.properties = rest;
    return;
  }
  if (op === 'replace' && !isFixed && !Object.hasOwn(draft.properties, name))
    throw new Problem('conflict', t.noProperty, { name: name.slice(0, 80) });
  if ((name === 'disk_format' || name === 'container_format') && image.status !== 'queued')
    throw new Problem('forbidden', t.onlyQueued, { name });
  if (name === 'owner' && value === null) throw badPatch(at, 'an image has an owner');
  setAttribute(draft, name, value);
}

function badPatch(at: number, why: string): Problem {
  return new Problem('invalid', t.badPatch, { at, why });
}

export const updateEndpoints = [update];
