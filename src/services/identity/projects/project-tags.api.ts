// Tags of a project.
// API: Identity v3, "Project tags".

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, as, object, open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectRules } from '#/services/identity/allow.ts';
import { projectFinder, tagList } from '#/services/identity/projects/project.api.ts';
import { updateProject } from '#/services/identity/projects/project.store.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { checkMutable, listIn, notFound } from '#/services/identity/wire.ts';

const tagsBody = object({ tags: tagList() });
const tagsReply = open({ tags: array(string()), links: as(any()) });
const tagsPath = '/v3/projects/{project_id}/tags';

const listTags = endpoint({
  policy: 'identity:list_project_tags',
  allow: projectRules.get,
  route: `GET ${tagsPath}`,
  find: projectFinder,
  replies: { 200: tagsReply },
  handle: async ({ found, request }) => ({
    200: { tags: listIn(found.tags), links: { self: request.base.replace(/\/identity$/, '') + request.url } },
  }),
});

const setTags = endpoint({
  policy: 'identity:update_project_tags',
  allow: projectRules.manage,
  route: `PUT ${tagsPath}`,
  find: projectFinder,
  body: tagsBody,
  replies: { 200: tagsReply },
  async handle({ tx, body, found, request }) {
    checkMutable('project', found);
    await updateProject(tx, found.id, { tags: JSON.stringify(body.tags) });
    return { 200: { tags: body.tags, links: { self: request.base.replace(/\/identity$/, '') + request.url } } };
  },
});

const clearTags = endpoint({
  policy: 'identity:delete_project_tags',
  allow: projectRules.manage,
  route: `DELETE ${tagsPath}`,
  find: projectFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    checkMutable('project', found);
    await updateProject(tx, found.id, { tags: '[]' });
    return { 204: undefined };
  },
});

const hasTag = endpoint({
  policy: 'identity:get_project_tag',
  allow: projectRules.get,
  route: `GET ${tagsPath}/{tag}`,
  find: projectFinder,
  replies: { 204: null },
  async handle({ found, path }) {
    if (!listIn(found.tags).includes(path['tag']!)) throw notFound('tag', path['tag']);
    return { 204: undefined };
  },
});

const addTag = endpoint({
  policy: 'identity:create_project_tag',
  allow: projectRules.manage,
  route: `PUT ${tagsPath}/{tag}`,
  find: projectFinder,
  replies: { 201: null },
  async handle({ tx, found, path, request }) {
    checkMutable('project', found);
    const tags = listIn(found.tags);
    const tag = path['tag']!;
    if (tag.length > 255 || /[,/]/.test(tag) || (tags.length >= 80 && !tags.includes(tag)))
      throw new Problem('invalid', t.badTag, { tag: tag.slice(0, 80) });
    if (!tags.includes(tag)) await updateProject(tx, found.id, { tags: JSON.stringify([...tags, tag]) });
    return { 201: undefined, headers: { location: request.base.replace(/\/identity$/, '') + request.url } };
  },
});

const removeTag = endpoint({
  policy: 'identity:delete_project_tag',
  allow: projectRules.manage,
  route: `DELETE ${tagsPath}/{tag}`,
  find: projectFinder,
  replies: { 204: null },
  async handle({ tx, found, path }) {
    checkMutable('project', found);
    const tags = listIn(found.tags);
    if (!tags.includes(path['tag']!)) throw notFound('tag', path['tag']);
    await updateProject(tx, found.id, { tags: JSON.stringify(tags.filter(tag => tag !== path['tag'])) });
    return { 204: undefined };
  },
});

export const projectTagEndpoints = [listTags, setTags, clearTags, hasTag, addTag, removeTag];
