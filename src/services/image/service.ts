// The image service (Glance): templates of disks, with their bytes in a store of files.

import type { Clock } from '#/platform/clock/clock.ts';
import type { Service, WireProblem } from '#/platform/http/service.ts';
import { endBrokenUploads } from '#/services/image/data/broken-uploads.ts';
import { dataEndpoints } from '#/services/image/data/data.api.ts';
import { imageEndpoints } from '#/services/image/images/image.api.ts';
import { updateEndpoints } from '#/services/image/images/image-update.api.ts';
import { readingRules } from '#/services/image/images/image.store.ts';
import { removeBytes, removePart } from '#/services/image/images/delete-image.ts';
import { importEndpoints } from '#/services/image/imports/import.api.ts';
import { importImage } from '#/services/image/imports/import-image.operation.ts';
import { infoEndpoints } from '#/services/image/info/info.api.ts';
import { memberEndpoints } from '#/services/image/members/member.api.ts';
import { itemEndpoints } from '#/services/image/metadefs/item.api.ts';
import { namespaceEndpoints } from '#/services/image/metadefs/namespace.api.ts';
import { metadefTables } from '#/services/image/migrations/0002-metadefs.ts';
import { imageTables } from '#/services/image/migrations/0001-images.ts';
import { tables } from '#/services/image/tables.ts';
import { tagEndpoints } from '#/services/image/tags/tag.api.ts';

export interface ImageSettings {
  /** Where image bytes are kept; made when the first one comes. */
  directory: string;
  clock: Clock;
  /** Default 1 TiB. */
  maxImageBytes?: number;
  /** What all images of a project may take; default: no limit. */
  projectBytes?: number | null;
}

export function imageService(settings: ImageSettings): Service {
  const { clock, directory, maxImageBytes = 2 ** 40, projectBytes = null } = settings;
  return {
    name: 'image',
    type: 'image',
    catalogName: 'glance',
    catalogPath: '',
    endpoints: [
      ...imageEndpoints,
      ...updateEndpoints,
      ...dataEndpoints({ clock, maxImageBytes, projectBytes }),
      ...tagEndpoints,
      ...memberEndpoints,
      ...importEndpoints,
      ...namespaceEndpoints,
      ...itemEndpoints,
      ...infoEndpoints(projectBytes),
    ],
    rules: {
      ...readingRules,
      publicize_image: 'role:admin',
      communitize_image: 'role:admin or (role:member and project_id:%(project_id)s)',
    },
    // 415 for data in a format that is not what it says, or of a kind that is never opened.
    statusOf: { unsupported: 415, overQuota: 413 },
    envelope,
    migrations: [imageTables, metadefTables],
    operations: [removeBytes, removePart, importImage],
    async counts(tx) {
      const { count } = await tables(tx)
        .selectFrom('images')
        .select(eb => eb.fn.countAll().as('count'))
        .where('status', '!=', 'deleted')
        .executeTakeFirstOrThrow();
      return { images: Number(count) };
    },
    async seed(tx) {
      await tables(tx)
        .insertInto('imageStores')
        .values({ id: 'local', directory })
        .onConflict(conflict => conflict.column('id').doUpdateSet({ directory }))
        .execute();
    },
    chores: [{ name: 'image.broken-uploads', everyMs: 60_000, run: endBrokenUploads }],
  };
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A page for people unless JSON is asked for: the service's own client reads the page and stumbles over the JSON. */
function envelope({ status, message, accept }: WireProblem): { body: unknown; type?: string } {
  const title = titles[status] ?? 'Error';
  if (accept?.includes('application/json')) return { body: { message, code: `${status} ${title}`, title } };
  const body = `<html>
 <head>
  <title>${status} ${title}</title>
 </head>
 <body>
  <h1>${status} ${title}</h1>
  ${escapeHtml(message)}<br /><br />
 </body>
</html>`;
  return { body, type: 'text/html; charset=UTF-8' };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
