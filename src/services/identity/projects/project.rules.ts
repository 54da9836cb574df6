// What may become of a project.

import { Problem } from '#/platform/problem/problem.ts';
import type { ProjectRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { one } from '#/services/identity/wire.ts';
import type { Query } from '#/platform/http/endpoint.ts';

/** Whether a project has the tags that a list asks for: all of `tags`, any of `tags-any`, and not those of the others. */
export function fitsTags(tags: string[], query: Query): boolean {
  const asked = (name: string): string[] | undefined => one(query, name)?.split(',');
  const [all, any, notAll, notAny] = [asked('tags'), asked('tags-any'), asked('not-tags'), asked('not-tags-any')];
  const has = (tag: string): boolean => tags.includes(tag);
  return (
    (!all || all.every(has)) &&
    (!any || any.some(has)) &&
    (!notAll || !notAll.every(has)) &&
    (!notAny || !notAny.some(has))
  );
}

/** The ids below a project as a tree: `{ child: { grandchild: null } }`; null where there are none. */
export function idTree(rootId: string, rows: Pick<ProjectRow, 'id' | 'parentId'>[]): Record<string, unknown> | null {
  const children = rows.filter(({ parentId }) => parentId === rootId);
  return children.length ? Object.fromEntries(children.map(({ id }) => [id, idTree(id, rows)])) : null;
}

/** The ids above: `{ parent: { grandparent: null } }`. */
export function idChain(above: Pick<ProjectRow, 'id'>[]): Record<string, unknown> | null {
  return above.reduceRight<Record<string, unknown> | null>((inner, { id }) => ({ [id]: inner }), null);
}

/** @throws Problem invalid, forbidden: for attributes that stay as they were made */
export function checkFixed(body: Record<string, unknown>, row: ProjectRow): void {
  if (body['domain_id'] !== undefined && body['domain_id'] !== row.domainId)
    throw new Problem('invalid', t.domainFixed, { what: 'project' });
  if (body['parent_id'] !== undefined && body['parent_id'] !== row.parentId)
    throw new Problem('forbidden', t.parentFixed);
  if (body['is_domain'] !== undefined && body['is_domain'] !== (row.isDomain === 1))
    throw new Problem('invalid', t.isDomainFixed);
}
