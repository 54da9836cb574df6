// How a path names an image: what the caller may not see is not there.

import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { findVisible, type Image, readsAll } from '#/services/image/images/image.store.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export const anImage: Finder<Image> = {
  find: ({ tx, path, caller, policy }) => findVisible(tx, path['image_id']!, caller, readsAll(caller, policy)),
  missing: path => new Problem('notFound', t.notFound, { id: path['image_id']!.slice(0, 80) }),
  target: imageTarget,
  visible: () => true,
};

/** The policy's view of an image. */
export function imageTarget({ projectId, memberId, visibility }: Pick<Image, 'projectId' | 'memberId' | 'visibility'>) {
  return { project_id: projectId, owner: projectId, member_id: memberId, visibility };
}
