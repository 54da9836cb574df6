// What the service says of itself: versions, schemas, import methods, stores, usage.

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, mapOf, object } from '#/platform/http/schema.ts';
import { bytesOfProject } from '#/services/image/images/image.store.ts';
import { imageSchemas } from '#/services/image/schemas/image-schemas.ts';
import { tables } from '#/services/image/tables.ts';

const newestMinor = 16;
/** Minor versions that never were. */
const skipped = [8, 10, 14];

function versions(base: string): object {
  const minors = Array.from({ length: newestMinor + 1 }, (_, at) => newestMinor - at).filter(n => !skipped.includes(n));
  return {
    versions: minors.map(minor => ({
      id: `v2.${minor}`,
      status: minor === newestMinor ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href: `${base}/v2/` }],
    })),
  };
}

const anyone = 'role:reader or role:member or role:admin';

/** @param projectBytes what all images of a project may take; null: no limit */
export function infoEndpoints(projectBytes: number | null) {
  const root = endpoint({
    policy: 'public',
    route: 'GET /',
    replies: { 300: mapOf(any()) },
    handle: async ({ request }) => ({ 300: versions(request.base) }),
  });
  const listed = endpoint({
    policy: 'public',
    route: 'GET /versions',
    replies: { 200: mapOf(any()) },
    handle: async ({ request }) => ({ 200: versions(request.base) }),
  });
  const v2 = endpoint({
    policy: 'public',
    route: 'GET /v2',
    replies: { 200: mapOf(any()) },
    handle: async ({ request }) => ({ 200: versions(request.base) }),
  });
  const schemas = Object.entries(imageSchemas).map(([name, schema], at) =>
    endpoint({
      policy: 'haneul:get_schema',
      ...(at === 0 ? { allow: '@' } : {}),
      route: `GET /v2/schemas/${name}`,
      replies: { 200: mapOf(any()) },
      handle: async () => ({ 200: schema }),
    }),
  );
  const importMethods = endpoint({
    policy: 'haneul:get_import_info',
    allow: anyone,
    route: 'GET /v2/info/import',
    replies: { 200: mapOf(any()) },
    handle: async () => ({
      200: { 'import-methods': { type: 'array', description: 'Ways to bring in data', value: ['glance-direct'] } },
    }),
  });
  const stores = endpoint({
    policy: 'haneul:get_stores_info',
    allow: anyone,
    route: 'GET /v2/info/stores',
    replies: { 200: mapOf(any()) },
    handle: async () => ({ 200: { stores: [{ id: 'local', description: 'Files of this cloud', default: 'true' }] } }),
  });
  const storesDetail = endpoint({
    policy: 'stores_info_detail',
    allow: 'role:admin or role:service',
    scopes: ['project'],
    route: 'GET /v2/info/stores/detail',
    replies: { 200: mapOf(any()) },
    async handle({ tx }) {
      const rows = await tables(tx).selectFrom('imageStores').select('id').orderBy('id').execute();
      const detail = { type: 'file', description: 'Files of this cloud', default: 'true', weight: 0, properties: {} };
      return { 200: { stores: rows.map(({ id }) => ({ id, ...detail })) } };
    },
  });
  const usage = endpoint({
    policy: 'haneul:get_usage_info',
    allow: anyone,
    route: 'GET /v2/info/usage',
    replies: { 200: object({ usage: mapOf(any()) }) },
    async handle({ tx, caller }) {
      const rows = await tables(tx)
        .selectFrom('images')
        .select(['status'])
        .where('projectId', '=', caller.projectId ?? '')
        .where('status', '!=', 'deleted')
        .execute();
      const bytes = await bytesOfProject(tx, caller.projectId ?? '');
      const uploading = rows.filter(({ status }) => ['saving', 'uploading', 'importing'].includes(status)).length;
      const mib = (n: number | null): number => (n === null ? -1 : Math.ceil(n / 2 ** 20));
      return {
        200: {
          usage: {
            image_size_total: { limit: mib(projectBytes), usage: mib(bytes) },
            image_stage_total: { limit: mib(projectBytes), usage: 0 },
            image_count_total: { limit: -1, usage: rows.length },
            image_count_uploading: { limit: -1, usage: uploading },
          },
        },
      };
    },
  });
  return [root, listed, v2, ...schemas, importMethods, stores, storesDetail, usage];
}
