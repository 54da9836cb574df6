// The real listener in front of a service of three calls, with times short enough to wait for.

import { createPolicy } from '#/platform/access/policy.ts';
import { type Clock, systemClock } from '#/platform/clock/clock.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import type { ConnectionLimits } from '#/platform/http/connection.ts';
import { endpoint, streamEndpoint } from '#/platform/http/endpoint.ts';
import { array, object, open, string } from '#/platform/http/schema.ts';
import { createHttpServer } from '#/platform/http/server.ts';
import type { Service } from '#/platform/http/service.ts';
import { createLogger } from '#/platform/log/log.ts';
import { seededRandom } from '../seeded-random.ts';

export interface Edge extends AsyncDisposable {
  url: string;
  /** Bytes that uploads brought, and how uploads ended. */
  uploads: { bytes: number; ended: 'whole' | 'cut' }[];
}

const item = 'x'.repeat(1_000);

export async function edge(options: { limits?: Partial<ConnectionLimits>; clock?: Clock } = {}): Promise<Edge> {
  const clock = options.clock ?? systemClock();
  const random = seededRandom(1);
  const log = createLogger('edge', 'silent');
  const uploads: Edge['uploads'] = [];
  const service: Service = {
    name: 'edge',
    type: 'edge',
    catalogName: 'edge',
    catalogPath: '',
    envelope: ({ status, message }) => ({ body: { error: { status, message } } }),
    endpoints: [
      endpoint({
        policy: 'public',
        route: 'POST /echo',
        body: open({ word: string() }),
        replies: { 200: object({ word: string() }) },
        handle: async ({ body }) => ({ 200: { word: body.word } }),
      }),
      endpoint({
        policy: 'public',
        route: 'GET /list',
        replies: { 200: object({ items: array(string()) }) },
        handle: async () => ({ 200: { items: Array.from({ length: 1_000 }, () => item) } }),
      }),
      streamEndpoint({
        policy: 'public',
        route: 'PUT /upload',
        replies: { 204: null },
        async stream({ incoming }) {
          const upload: Edge['uploads'][number] = { bytes: 0, ended: 'cut' };
          uploads.push(upload);
          try {
            for await (const chunk of incoming) upload.bytes += (chunk as Buffer).length;
            upload.ended = 'whole';
          } catch {
            return undefined;
          }
          return { 204: undefined };
        },
      }),
    ],
  };
  const db = openSqlite({ file: ':memory:', clock, random, slots: new Map() });
  let url = '';
  const server = createHttpServer({
    services: [service],
    db,
    policy: createPolicy({ defaults: new Map() }),
    authenticator: {
      authenticate() {
        throw new Error('nobody asks');
      },
    },
    clock,
    random,
    log,
    publicUrl: () => url,
    limits: options.limits,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  url = `http://127.0.0.1:${port}`;
  return {
    url,
    uploads,
    async [Symbol.asyncDispose]() {
      const closing = server.close();
      if (!options.clock) await closing;
      await db.close();
    },
  };
}
