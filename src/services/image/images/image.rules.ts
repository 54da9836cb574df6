// What may be said of an image, on creation and in a patch. Pure.

import type { Caller } from '#/platform/access/caller.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Image } from '#/services/image/images/image.store.ts';
import type { Visibility } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const;
export const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
export const visibilities = ['community', 'public', 'private', 'shared'] as const;
export const limits = { properties: 128, tags: 128, members: 128 };

/** Set by the service alone. */
export const readOnly = [
  'created_at',
  'updated_at',
  'status',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'size',
  'virtual_size',
  'direct_url',
  'self',
  'file',
  'schema',
  'stores',
];
const reserved = ['deleted', 'deleted_at', 'is_public', 'members'];
/** What users may set and may not remove. */
export const fixed = [
  'id',
  'name',
  'visibility',
  'owner',
  'disk_format',
  'container_format',
  'min_disk',
  'min_ram',
  'protected',
  'os_hidden',
  'tags',
  'locations',
];

/** The part of an image that users set. */
export type Draft = Pick<
  Image,
  | 'name'
  | 'visibility'
  | 'projectId'
  | 'diskFormat'
  | 'containerFormat'
  | 'minDiskGib'
  | 'minRamMib'
  | 'protected'
  | 'hidden'
  | 'tags'
  | 'properties'
>;

export function emptyDraft(projectId: string): Draft {
  return {
    name: null,
    visibility: 'shared',
    projectId,
    diskFormat: null,
    containerFormat: null,
    minDiskGib: 0,
    minRamMib: 0,
    protected: 0,
    hidden: 0,
    tags: [],
    properties: {},
  };
}

/** @throws Problem forbidden for what only the service sets */
export function checkWritable(name: string): void {
  if (readOnly.includes(name)) throw new Problem('forbidden', t.readOnly, { name });
  if (reserved.includes(name) || name.startsWith('os_glance_') || name === 'locations')
    throw new Problem('forbidden', t.reserved, { name: name.slice(0, 80) });
}

/** Sets one attribute of a draft from its wire value. @throws Problem invalid when the value does not fit */
export function setAttribute(draft: Draft, name: string, value: unknown): void {
  switch (name) {
    case 'name':
      draft.name = value === null ? null : text(name, value, 255);
      return;
    case 'visibility':
      draft.visibility = oneOf(name, value, visibilities) as Visibility;
      return;
    case 'owner':
      draft.projectId = text(name, value, 255);
      return;
    case 'disk_format':
      draft.diskFormat = value === null ? null : oneOf(name, value, diskFormats);
      return;
    case 'container_format':
      draft.containerFormat = value === null ? null : oneOf(name, value, containerFormats);
      return;
    case 'min_disk':
      draft.minDiskGib = count(name, value);
      return;
    case 'min_ram':
      draft.minRamMib = count(name, value);
      return;
    case 'protected':
      draft.protected = flag(name, value);
      return;
    case 'os_hidden':
      draft.hidden = flag(name, value);
      return;
    case 'tags':
      draft.tags = tagList(value);
      return;
    default:
      setProperty(draft, name, value);
  }
}

function setProperty(draft: Draft, name: string, value: unknown): void {
  if (name === '' || name.length > 255) throw bad(name, 'a property name has 1 to 255 characters');
  if (name === '__proto__') throw bad(name, 'not a possible name');
  draft.properties = { ...draft.properties, [name]: text(name, value, 65_535) };
  if (Object.keys(draft.properties).length > limits.properties)
    throw new Problem('tooLarge', t.limit, { limit: limits.properties, what: 'properties' });
}

export function tagList(value: unknown): string[] {
  if (!Array.isArray(value)) throw bad('tags', 'it must be a list');
  const tags = [...new Set(value.map(tag => text('tags', tag, 255)))].toSorted();
  if (tags.length > limits.tags) throw new Problem('tooLarge', t.limit, { limit: limits.tags, what: 'tags' });
  return tags;
}

/**
 * The rules that a change must satisfy besides the one for the call itself: whose it becomes and who will see it.
 * @param before null for a new image
 */
export function rulesFor(draft: Draft, before: Draft | null): string[] {
  const rules: string[] = [];
  const changed = before?.visibility !== draft.visibility;
  if (changed && draft.visibility === 'public') rules.push('publicize_image');
  if (changed && draft.visibility === 'community') rules.push('communitize_image');
  return rules;
}

/** @throws Problem forbidden unless the owner stays, or an administrator gives the image away */
export function checkOwner(draft: Draft, projectId: string | null, caller: Caller): void {
  if (draft.projectId !== projectId && !caller.isAdmin)
    throw new Problem('forbidden', t.notAllowed, { rule: 'context_is_admin' });
}

function text(name: string, value: unknown, max: number): string {
  if (typeof value !== 'string') throw bad(name, 'it must be text');
  if (value.length > max) throw bad(name, `it is longer than ${max} characters`);
  if (value.includes('\0')) throw bad(name, 'it has a NUL character');
  return value;
}

function oneOf(name: string, value: unknown, values: readonly string[]): string {
  if (typeof value !== 'string' || !values.includes(value)) throw bad(name, `it must be one of ${values.join(', ')}`);
  return value;
}

function count(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2_147_483_647)
    throw bad(name, 'it must be an integer from 0 to 2147483647');
  return value;
}

function flag(name: string, value: unknown): number {
  if (typeof value !== 'boolean') throw bad(name, 'it must be true or false');
  return value ? 1 : 0;
}

function bad(name: string, why: string): Problem {
  return new Problem('invalid', t.invalid, { name: name.slice(0, 80), why });
}
