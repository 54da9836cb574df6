// Volume types, their extra specs and who may use the private ones. API: Block Storage v3, "Volume types".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { array, isTrue, looseBoolean, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { admin, anyQuery, first, metadataSchema, onePage, reader, wire } from '#/services/block-storage/page.ts';
import { tables, type TypeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import {
  defaultType,
  defaultTypeName,
  findType,
  insertType,
  listTypes,
} from '#/services/block-storage/types/type.store.ts';

type Specs = Record<string, string>;

/** Specs that only administrators see are those about where a volume is put. */
const shownSpecs = ['RESKEY:availability_zones', 'multiattach', 'replication_enabled'];

function specsOf(row: TypeRow): Specs {
  return JSON.parse(row.extraSpecs) as Specs;
}

function toView(row: TypeRow, caller: Caller) {
  const specs = specsOf(row);
  const shown = Object.fromEntries(Object.entries(specs).filter(([key]) => caller.isAdmin || shownSpecs.includes(key)));
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    is_public: row.isPublic === 1,
    'os-volume-type-access:is_public': row.isPublic === 1,
    extra_specs: shown,
    ...(caller.isAdmin ? { qos_specs_id: null } : {}),
  };
}

const aType: Finder<TypeRow> = {
  find: async ({ tx, path, caller }) => {
    const row = await findType(tx, caller, path['volume_type_id']!);
    return row?.id === path['volume_type_id'] ? row : undefined;
  },
  missing: path => new Problem('notFound', t.typeNotFound, { id: path['volume_type_id']!.slice(0, 80) }),
  target: () => ({}),
  visible: () => true,
};

/** Types belong to no project: whoever may read in its own may read them. */
const typeReader = 'role:admin or role:reader';
const path = '/v3/{project_id}/types';

const list = endpoint({
  policy: 'volume_extension:type_get_all',
  allow: reader,
  route: `GET ${path}`,
  query: anyQuery,
  replies: { 200: open({ volume_types: array(wire) }) },
  async handle({ tx, query, caller, request }) {
    const isPublic = first(query, 'is_public')?.toLowerCase();
    const rows = (await listTypes(tx, caller)).filter(row => {
      if (isPublic === 'none' || isPublic === undefined) return true;
      return (row.isPublic === 1) === isTrue(isPublic);
    });
    const page = onePage(rows, query, request, {
      keys: { id: 'id', name: 'name', created_at: 'createdAt', updated_at: 'updatedAt' } as const,
      fallback: [{ key: 'createdAt', direction: 'desc' }],
      noMarker: id => new Problem('notFound', t.typeNotFound, { id: id.slice(0, 80) }),
    });
    const links = page.links.length ? { volume_type_links: page.links } : {};
    return { 200: { volume_types: page.rows.map(row => toView(row, caller)), ...links } };
  },
});

const create = endpoint({
  policy: 'volume_extension:type_create',
  allow: admin,
  route: `POST ${path}`,
  body: open({
    volume_type: open({
      name: string({ min: 1, max: 255, pattern: '\\S' }),
      description: optional(nullable(string({ max: 255 }))),
      extra_specs: optional(nullable(metadataSchema)),
      'os-volume-type-access:is_public': optional(looseBoolean()),
    }),
  }),
  replies: { 200: object({ volume_type: wire }) },
  async handle({ tx, body, caller }) {
    const ask = body.volume_type;
    const row = await insertType(tx, {
      name: ask.name.trim(),
      description: ask.description ?? null,
      isPublic: isTrue(ask['os-volume-type-access:is_public'] ?? true) ? 1 : 0,
      extraSpecs: (ask.extra_specs ?? {}) as Specs,
    });
    return { 200: { volume_type: toView(row, caller) } };
  },
});

const showDefault = endpoint({
  policy: 'volume_extension:type_get',
  allow: typeReader,
  route: `GET ${path}/default`,
  replies: { 200: object({ volume_type: wire }) },
  handle: async ({ tx, caller }) => ({ 200: { volume_type: toView(await defaultType(tx), caller) } }),
});

const show = endpoint({
  policy: 'volume_extension:type_get',
  route: `GET ${path}/{volume_type_id}`,
  find: aType,
  replies: { 200: object({ volume_type: wire }) },
  handle: async ({ found, caller }) => ({ 200: { volume_type: toView(found, caller) } }),
});

const update = endpoint({
  policy: 'volume_extension:type_update',
  allow: admin,
  route: `PUT ${path}/{volume_type_id}`,
  find: aType,
  body: open({
    volume_type: open({
      name: optional(nullable(string({ min: 1, max: 255, pattern: '\\S' }))),
      description: optional(nullable(string({ max: 255 }))),
      is_public: optional(looseBoolean()),
    }),
  }),
  replies: { 200: object({ volume_type: wire }) },
  async handle({ tx, found, body, caller }) {
    const { name, description, is_public: isPublic } = body.volume_type;
    if (name == null && description === undefined && isPublic === undefined)
      throw new Problem('invalid', t.invalidInput, { name: 'volume_type', why: 'there is nothing to change' });
    if (name != null && name !== found.name && (await findType(tx, caller, name)))
      throw new Problem('conflict', t.typeExists, { name });
    await save(tx, found.id, {
      ...(name == null ? {} : { name: name.trim() }),
      ...(description === undefined ? {} : { description }),
      ...(isPublic === undefined ? {} : { isPublic: isTrue(isPublic) ? 1 : 0 }),
    });
    return { 200: { volume_type: toView((await findType(tx, caller, found.id))!, caller) } };
  },
});

async function save(tx: Tx, id: string, change: Partial<TypeRow>): Promise<void> {
  await tables(tx)
    .updateTable('volumeTypes')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
}

const remove = endpoint({
  policy: 'volume_extension:type_delete',
  allow: admin,
  route: `DELETE ${path}/{volume_type_id}`,
  find: aType,
  replies: { 202: null },
  async handle({ tx, found }) {
    if (found.name === defaultTypeName) throw new Problem('invalid', t.typeDefault);
    const used = await tables(tx).selectFrom('volumes').select('id').where('typeId', '=', found.id).executeTakeFirst();
    if (used) throw new Problem('invalid', t.typeInUse, { id: found.id });
    await tables(tx).deleteFrom('volumeTypes').where('id', '=', found.id).execute();
    return { 202: undefined };
  },
});

const specs = `${path}/{volume_type_id}/extra_specs`;

function noSpec(key: string): Problem {
  return new Problem('notFound', t.keyNotFound, { key: key.slice(0, 80), what: 'extra_specs' });
}

const listSpecs = endpoint({
  policy: 'volume_extension:types_extra_specs:index',
  allow: typeReader,
  route: `GET ${specs}`,
  find: aType,
  replies: { 200: object({ extra_specs: wire }) },
  handle: async ({ found, caller }) => ({ 200: { extra_specs: toView(found, caller).extra_specs } }),
});

const addSpecs = endpoint({
  policy: 'volume_extension:types_extra_specs:create',
  allow: admin,
  route: `POST ${specs}`,
  find: aType,
  body: object({ extra_specs: metadataSchema }),
  replies: { 200: object({ extra_specs: wire }) },
  async handle({ tx, found, body }) {
    await save(tx, found.id, { extraSpecs: JSON.stringify({ ...specsOf(found), ...(body.extra_specs as Specs) }) });
    return { 200: { extra_specs: body.extra_specs } };
  },
});

const showSpec = endpoint({
  policy: 'volume_extension:types_extra_specs:show',
  allow: typeReader,
  route: `GET ${specs}/{key}`,
  find: aType,
  replies: { 200: wire },
  async handle({ found, caller, path: { key = '' } }) {
    const { extra_specs: own } = toView(found, caller);
    if (!Object.hasOwn(own, key)) throw noSpec(key);
    return { 200: { [key]: own[key] } };
  },
});

const setSpec = endpoint({
  policy: 'volume_extension:types_extra_specs:update',
  allow: admin,
  route: `PUT ${specs}/{key}`,
  find: aType,
  body: metadataSchema,
  replies: { 200: wire },
  async handle({ tx, found, body, path: { key = '' } }) {
    const ask = body as Specs;
    if (Object.keys(ask).length !== 1 || !Object.hasOwn(ask, key))
      throw new Problem('invalid', t.invalidInput, {
        name: 'extra_specs',
        why: 'it must have the key of the URL alone',
      });
    await save(tx, found.id, { extraSpecs: JSON.stringify({ ...specsOf(found), ...ask }) });
    return { 200: ask };
  },
});

const removeSpec = endpoint({
  policy: 'volume_extension:types_extra_specs:delete',
  allow: admin,
  route: `DELETE ${specs}/{key}`,
  find: aType,
  replies: { 202: null },
  async handle({ tx, found, path: { key = '' } }) {
    const { [key]: gone, ...rest } = specsOf(found);
    if (gone === undefined) throw noSpec(key);
    await save(tx, found.id, { extraSpecs: JSON.stringify(rest) });
    return { 202: undefined };
  },
});

const listAccess = endpoint({
  policy: 'volume_extension:volume_type_access:get_all_for_type',
  allow: admin,
  route: `GET ${path}/{volume_type_id}/os-volume-type-access`,
  find: aType,
  replies: { 200: object({ volume_type_access: array(wire) }) },
  async handle({ tx, found }) {
    if (found.isPublic === 1) throw new Problem('notFound', t.typeNotFound, { id: found.id });
    const rows = await tables(tx).selectFrom('volumeTypeAccess').selectAll().where('typeId', '=', found.id).execute();
    return {
      200: { volume_type_access: rows.map(row => ({ volume_type_id: row.typeId, project_id: row.projectId })) },
    };
  },
});

const addAccess = endpoint({
  policy: 'volume_extension:volume_type_access:addProjectAccess',
  allow: admin,
  route: `POST ${path}/{volume_type_id}/action`,
  action: 'addProjectAccess',
  find: aType,
  body: open({ addProjectAccess: object({ project: string({ min: 1, max: 255 }) }) }),
  replies: { 202: null },
  async handle({ tx, found, body }) {
    const { project } = body.addProjectAccess;
    if (await hasAccess(tx, found.id, project))
      throw new Problem('conflict', t.accessExists, { id: found.id, project });
    await tables(tx).insertInto('volumeTypeAccess').values({ typeId: found.id, projectId: project }).execute();
    return { 202: undefined };
  },
});

const removeAccess = endpoint({
  policy: 'volume_extension:volume_type_access:removeProjectAccess',
  allow: admin,
  route: `POST ${path}/{volume_type_id}/action`,
  action: 'removeProjectAccess',
  find: aType,
  body: open({ removeProjectAccess: object({ project: string({ min: 1, max: 255 }) }) }),
  replies: { 202: null },
  async handle({ tx, found, body }) {
    const { project } = body.removeProjectAccess;
    if (!(await hasAccess(tx, found.id, project)))
      throw new Problem('notFound', t.accessNone, { id: found.id, project });
    await tables(tx)
      .deleteFrom('volumeTypeAccess')
      .where('typeId', '=', found.id)
      .where('projectId', '=', project)
      .execute();
    return { 202: undefined };
  },
});

async function hasAccess(tx: Tx, typeId: string, projectId: string): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('volumeTypeAccess')
    .select('typeId')
    .where('typeId', '=', typeId)
    .where('projectId', '=', projectId)
    .executeTakeFirst();
  return row !== undefined;
}

export const typeEndpoints = [
  list,
  create,
  showDefault,
  show,
  update,
  remove,
  listSpecs,
  addSpecs,
  showSpec,
  setSpec,
  removeSpec,
  listAccess,
  addAccess,
  removeAccess,
];
