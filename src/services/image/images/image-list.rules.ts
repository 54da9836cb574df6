// Which images a list shows. Pure.

import type { Query } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Image } from '#/services/image/images/image.store.ts';
import { visibilities } from '#/services/image/images/image.rules.ts';
import { imageView } from '#/services/image/images/image.view.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface ListAsk {
  visibility: string | null;
  memberStatus: string;
  matches(image: Image): boolean;
}

const pages = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'member_status', 'visibility', 'tag', 'os_hidden'];
const listable = ['id', 'name', 'status', 'container_format', 'disk_format'];

/** Reads a list's filters. @throws Problem invalid */
export function readFilters(query: Query): ListAsk {
  const visibility = first(query, 'visibility');
  if (visibility !== null && visibility !== 'all' && !(visibilities as readonly string[]).includes(visibility))
    throw bad('visibility', `it must be one of ${[...visibilities, 'all'].join(', ')}`);
  const memberStatus = first(query, 'member_status') ?? 'accepted';
  if (!['pending', 'accepted', 'rejected', 'all'].includes(memberStatus))
    throw bad('member_status', 'it must be one of pending, accepted, rejected, all');
  const hidden = readBoolean('os_hidden', first(query, 'os_hidden') ?? 'false');
  const tags = all(query, 'tag');
  const tests = Object.keys(query)
    .filter(name => !pages.includes(name))
    .map(name => testFor(name, first(query, name) ?? ''));
  return {
    visibility,
    memberStatus,
    matches: image =>
      (image.hidden === 1) === hidden &&
      (visibility === null || visibility === 'all' || image.visibility === visibility) &&
      tags.every(tag => image.tags.includes(tag)) &&
      tests.every(test => test(image)),
  };
}

function testFor(name: string, value: string): (image: Image) => boolean {
  if (name === 'size_min' || name === 'size_max') {
    if (!/^\d{1,15}$/.test(value)) throw bad(name, 'it must be a size in bytes');
    const bytes = Number(value);
    return image =>
      image.sizeBytes !== null && (name === 'size_min' ? image.sizeBytes >= bytes : image.sizeBytes <= bytes);
  }
  if (name === 'created_at') return timeTest(name, value, image => image.createdAt);
  if (name === 'updated_at') return timeTest(name, value, image => image.updatedAt);
  if (name === 'protected') {
    const wanted = readBoolean(name, value);
    return image => (image.protected === 1) === wanted;
  }
  if (listable.includes(name) && value.startsWith('in:')) {
    const wanted = readList(name, value.slice(3));
    return image => wanted.includes(String(imageView(image)[name]));
  }
  return image => {
    const own = imageView(image)[name];
    return own !== undefined && own !== null && String(own) === value;
  };
}

function timeTest(name: string, value: string, of: (image: Image) => string): (image: Image) => boolean {
  const cut = /^(gte|gt|lte|lt|eq|neq):(.*)$/.exec(value);
  const [operator, text] = cut ? [cut[1]!, cut[2]!] : ['eq', value];
  const wanted = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(wanted)) throw bad(name, 'it must be a time such as gte:2026-01-31T12:00:00Z');
  const second = Math.floor(wanted / 1000);
  return image => {
    const at = Math.floor(Date.parse(`${of(image).slice(0, 19)}Z`) / 1000);
    if (operator === 'gte') return at >= second;
    if (operator === 'gt') return at > second;
    if (operator === 'lte') return at <= second;
    if (operator === 'lt') return at < second;
    return (at === second) === (operator === 'eq');
  };
}

/** `a,"b,c"` */
function readList(name: string, text: string): string[] {
  if ((text.match(/"/g)?.length ?? 0) % 2 !== 0) throw bad(name, 'a quotation mark is missing');
  return [...text.matchAll(/"([^"]*)"|([^,"]+)/g)].map(match => match[1] ?? match[2] ?? '');
}

function readBoolean(name: string, value: string): boolean {
  const text = value.toLowerCase();
  if (text !== 'true' && text !== 'false') throw bad(name, 'it must be true or false');
  return text === 'true';
}

function first(query: Query, name: string): string | null {
  const value = query[name];
  return value === undefined ? null : Array.isArray(value) ? (value[0] ?? '') : value;
}

function all(query: Query, name: string): string[] {
  const value = query[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function bad(where: string, why: string): Problem {
  return new Problem('invalid', t.badQuery, { where, why });
}
