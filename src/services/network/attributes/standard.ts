// The attributes that most resources share, and the columns behind them.

import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { tags, text } from '#/services/network/attributes/checks.ts';
import type { StandardRow } from '#/services/network/tables.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';

/** `name` and the rest; floating IPs and rules have no name. */
export function standardAttributes(options: { name?: boolean; tags?: boolean } = {}): Attributes {
  return {
    id: readOnly(),
    project_id: postOnly(text(255), { default: undefined }),
    tenant_id: readOnly(),
    ...(options.name === false ? {} : { name: both(text(255), { default: '' }) }),
    description: both(text(255), { default: '' }),
    ...(options.tags === false ? {} : { tags: postOnly(tags, { default: [] }) }),
    revision_number: readOnly(),
    created_at: readOnly(),
    updated_at: readOnly(),
  };
}

/** The columns of a new row. */
export function newStandard(tx: Tx, values: Values): StandardRow {
  return {
    id: newId(tx),
    projectId: (values['project_id'] as string | undefined) ?? '',
    name: (values['name'] as string | undefined) ?? '',
    description: (values['description'] as string | undefined) ?? '',
    tags: JSON.stringify([...new Set((values['tags'] as string[] | undefined) ?? [])]),
    revision: 1,
    createdAt: now(tx),
    updatedAt: now(tx),
  };
}

/** What changes in a row whenever anything does. */
export function touched(tx: Tx, row: { revision: number }, values: Values = {}): Partial<StandardRow> {
  return {
    revision: row.revision + 1,
    updatedAt: now(tx),
    ...(values['name'] === undefined ? {} : { name: values['name'] as string }),
    ...(values['description'] === undefined ? {} : { description: values['description'] as string }),
  };
}

export function standardView(row: StandardRow, options: { name?: boolean; tags?: boolean } = {}): Values {
  return {
    id: row.id,
    ...(options.name === false ? {} : { name: row.name }),
    project_id: row.projectId,
    tenant_id: row.projectId,
    description: row.description,
    ...(options.tags === false ? {} : { tags: JSON.parse(row.tags) as string[] }),
    revision_number: row.revision,
    created_at: wireTime(row.createdAt),
    updated_at: wireTime(row.updatedAt),
  };
}

/** `2026-01-31T12:00:00.000000` → `2026-01-31T12:00:00Z`. */
export function wireTime(stored: string): string {
  return `${stored.slice(0, 19)}Z`;
}
