// Bad input to every declared endpoint: always a clear refusal in the service's shape, never a 5xx, never a hang, nothing
// half done. New endpoints join by being declared. HANEUL_FUZZ_SEED replays a run.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { seededRandom } from '../seeded-random.ts';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';
import { type Dice, fitting, spoiled } from './generate.ts';

const seed = Number(process.env['HANEUL_FUZZ_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const rounds = Number(process.env['HANEUL_FUZZ_ROUNDS'] ?? 12);
const random = seededRandom(seed);
const dice: Dice = sides => random.bytes(4).readUInt32LE() % Math.max(1, sides);

test(`no input makes an endpoint fail (HANEUL_FUZZ_SEED=${seed})`, { timeout: 900_000 }, async t => {
  await using cloud = await testCloud({ hosts: 1, seed, checkReplies: false });
  const ids = await someIds(cloud);
  const complaints: string[] = [];
  let requests = 0;

  for (const service of cloud.cloud.services)
    await t.test(service.name, async () => {
      for (const endpoint of service.endpoints) {
        const name = `${endpoint.method} /${service.name}${endpoint.path}${endpoint.action ? ` (${endpoint.action})` : ''}`;
        const path = (): string =>
          `/${service.name}${endpoint.path.replaceAll(/\{(\w+)\*?\}/g, (_, parameter: string) => encodeURIComponent(parameterFor(parameter, cloud.as('admin'), ids)))}`;
        const send = async (
          client: TestClient,
          options: Parameters<TestClient['request']>[2] = {},
          query = '',
        ): Promise<number> => {
          requests++;
          const url = path() + query;
          const answer = await client.request(endpoint.method, url, {
            ...options,
            headers: { ...versionHeaders(service), ...options.headers },
          });
          if (answer.status >= 500 && answer.status !== 501 && answer.status !== 503)
            complaints.push(
              `${answer.status} ${name} ${url} ${JSON.stringify(options.body ?? options.raw?.toString() ?? '').slice(0, 300)}`,
            );
          return answer.status;
        };
        if (endpoint.policy !== 'public') {
          const body =
            endpoint.bodies.length || endpoint.action
              ? { raw: '{"x":1}', headers: { 'content-type': 'application/json' } }
              : {};
          equal(await send(cloud.anonymous(), body), 401, `${name} without a token`);
          equal(
            await send(cloud.anonymous().with({ 'x-auth-token': 'garbage' }), body),
            401,
            `${name} with a garbage token`,
          );
        }
        const admin = cloud.as('admin');
        const json = { 'content-type': 'application/json' };
        for (const query of [
          '?limit=abc&marker=%00',
          '?limit=-1',
          '?sort_key=%27;drop&sort_dir=up',
          '?limit=1&marker=nowhere&name=(a%2B)%2B%24&%E0%A4%A',
          `?x=${'y'.repeat(4_000)}`,
        ])
          if (endpoint.method === 'GET') await send(admin, {}, query);
        if (endpoint.stream && endpoint.method !== 'GET')
          await send(admin, {
            raw: Buffer.from([0xff, 0xfe, 0]),
            headers: { 'content-type': 'application/octet-stream' },
          });
        if (!takesBody(endpoint)) {
          await send(admin);
          continue;
        }
        for (const raw of [
          '',
          '{',
          '[]',
          '"x"',
          'null',
          '{"a":',
          Buffer.from([0x7b, 0xff, 0x7d]),
          '['.repeat(100_000),
          `{"a":"${'b'.repeat(2 << 20)}"}`,
          '{"__proto__":{"x":1}}',
          `{"a":1e999}`,
        ]) {
          const status = await send(admin, { raw, headers: json });
          ok(
            status >= 400 || endpoint.bodyOptional,
            `${name} took a bad body: ${String(raw).slice(0, 40)} → ${status}`,
          );
        }
        const schema = endpoint.bodies[0]?.schema;
        const wrap = (inner: unknown): unknown =>
          endpoint.action && (inner === null || typeof inner !== 'object' || !(endpoint.action in inner))
            ? { [endpoint.action]: inner }
            : inner;
        for (let round = 0; round < rounds; round++) {
          const value = fitting(schema, dice, ids);
          await send(round % 2 ? cloud.as('member') : admin, { body: wrap(round % 3 ? spoiled(value, dice) : value) });
        }
      }
      await cloud.settle();
    });

  deepEqual(complaints, []);
  process.stdout.write(`${requests} requests, seed ${seed}\n`);
});

function takesBody(endpoint: Endpoint): boolean {
  return endpoint.bodies.length > 0 || endpoint.action !== undefined;
}

function versionHeaders(service: Service): Record<string, string> {
  const range = service.microversions;
  return range ? { 'openstack-api-version': `${range.type} latest` } : {};
}

function parameterFor(name: string, admin: TestClient, ids: string[]): string {
  if (name === 'project_id' || name === 'tenant_id') return admin.projectId;
  const pool = [...ids, '00000000-0000-4000-8000-000000000000', 'x', '..', '%', 'a/b', '한글', 'z'.repeat(400)];
  return pool[dice(pool.length)]!;
}

/** Ids of things that exist, of the caller's project and of another. */
async function someIds(cloud: TestCloud): Promise<string[]> {
  const ids = [cloud.as('member').projectId, cloud.as('member').userId, cloud.as('other').projectId];
  for (const [path, key] of [
    ['/network/v2.0/networks', 'networks'],
    ['/network/v2.0/subnets', 'subnets'],
    ['/network/v2.0/security-groups', 'security_groups'],
    ['/image/v2/images', 'images'],
    ['/compute/v2.1/flavors', 'flavors'],
    ['/identity/v3/roles', 'roles'],
  ] as const) {
    const answer = await cloud.as('admin').request('GET', path);
    if (answer.status === 200) for (const item of answer.body[key]) ids.push(item.id);
  }
  return ids;
}
