// Tags of an image. API: Image v2, "Image tags".

import { endpoint } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { tagList } from '#/services/image/images/image.rules.ts';
import { putTags, updateImage } from '#/services/image/images/image.store.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

const add = endpoint({
  policy: 'modify_image',
  route: 'PUT /v2/images/{image_id}/tags/{tag}',
  find: anImage,
  replies: { 204: null },
  async handle({ tx, found, path }) {
    await putTags(tx, found.id, tagList([...found.tags, path['tag']!]));
    await updateImage(tx, found.id, {});
    return { 204: undefined };
  },
});

const remove = endpoint({
  policy: 'modify_image',
  route: 'DELETE /v2/images/{image_id}/tags/{tag}',
  find: anImage,
  replies: { 204: null },
  async handle({ tx, found, path }) {
    const tag = path['tag']!;
    if (!found.tags.includes(tag))
      throw new Problem('notFound', t.tagNotFound, { id: found.id, tag: tag.slice(0, 80) });
    await putTags(
      tx,
      found.id,
      found.tags.filter(own => own !== tag),
    );
    await updateImage(tx, found.id, {});
    return { 204: undefined };
  },
});

export const tagEndpoints = [add, remove];
