// Generated from the declared endpoints: whoever is not of the project neither sees nor changes what is the project's, nor
// learns that it exists; a reader changes nothing; and lists show nothing foreign, whatever is asked.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newUuid } from '#/platform/clock/clock.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { type Dice, fitting } from '../fuzz/generate.ts';
import { seededRandom } from '../seeded-random.ts';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';
import { type Estate, makeEstate, type Target, targetOf } from './estate.ts';

const random = seededRandom(11);
const dice: Dice = sides => random.bytes(4).readUInt32LE() % Math.max(1, sides);
const newId = (): string => newUuid(random);

/** Calls that strangers may make on a URL that names something of ours, and why. */
const openToAll: Record<string, string> = {
  'GET /compute/v2.1/os-quota-sets/{project_id}/defaults': 'the defaults are the same for all projects',
  'GET /volume/v3/{project_id}/extensions': 'the same for all projects',
  'GET /volume/v3/{project_id}/types/default': 'the same for all projects',
  'POST /volume/v3/{project_id}/os-volume-transfer/{transfer_id}/accept': 'for others: whoever has its key',
  'POST /volume/v3/{project_id}/volume-transfers/{transfer_id}/accept': 'for others: whoever has its key',
};

/** Calls that change nothing, though their method says otherwise. */
const onlyReads = new Set(['POST /volume/v3/{project_id}/volumes/{volume_id}/action (os-show_image_metadata)']);

let cloud: TestCloud;
let estate: Estate;
before(async () => {
  cloud = await testCloud({ hosts: 1, seed: 11, checkReplies: false });
  estate = await makeEstate(cloud);
});
after(() => cloud[Symbol.asyncDispose]());

interface Call {
  service: Service;
  endpoint: Endpoint;
  name: string;
  target: Target;
}

function calls(): Call[] {
  return cloud.cloud.services.flatMap(service =>
    service.endpoints
      .filter(({ policy }) => policy !== 'public')
      .map(endpoint => ({
        service,
        endpoint,
        name: `${endpoint.method} /${service.name}${endpoint.path}${endpoint.action ? ` (${endpoint.action})` : ''}`,
        target: targetOf(service, endpoint, estate, newId),
      })),
  );
}

function versions({ service, endpoint }: Call): Record<string, string> {
  const range = service.microversions;
  if (!range) return {};
  const { versions } = endpoint;
  const version = versions && versions.max.major !== 999 ? `${versions.max.major}.${versions.max.minor}` : 'latest';
  return { 'openstack-api-version': `${range.type} ${version}` };
}

/** Bodies for a call: nonsense first, for who may not must be told so before it is read; then one that may fit. */
function bodies({ endpoint }: Call): { raw?: string; headers?: Record<string, string> }[] {
  if (['GET', 'HEAD'].includes(endpoint.method)) return [{}];
  if (endpoint.stream) return [{ raw: 'bytes', headers: { 'content-type': 'application/octet-stream' } }];
  if (!endpoint.bodies.length && !endpoint.action) return [{}];
  const headers = { 'content-type': endpoint.mediaTypes[0] ?? 'application/json' };
  const value = fitting(
    endpoint.bodies[0]?.schema,
    dice,
    [...estate.values()].map(({ id }) => id),
  ) as object;
  const fit = endpoint.action && !(endpoint.action in Object(value)) ? { [endpoint.action]: value } : value;
  const nonsense = endpoint.action ? { [endpoint.action]: { nonsense: 1 } } : { nonsense: 1 };
  return [nonsense, fit].map(body => ({ raw: JSON.stringify(body), headers }));
}

type Answer = Awaited<ReturnType<TestClient['request']>>;

async function ask(
  client: TestClient,
  call: Call,
  path: string,
  { raw, headers }: ReturnType<typeof bodies>[number],
  more: Record<string, string> = {},
): Promise<Answer> {
  return client.request(call.endpoint.method, path, { raw, headers: { ...versions(call), ...headers, ...more } });
}

/** An answer without what may differ between two equal refusals. */
function shape({ status, body }: Answer, ids: [string, string][], which: 0 | 1): string {
  let text = JSON.stringify(body);
  for (const pair of ids) text = text.replaceAll(pair[which], 'ID');
  return `${status} ${text.replaceAll(/req-[0-9a-f-]{36}/g, 'REQUEST')}`;
}

async function views(): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const [at, { view }] of estate) {
    if (!view) continue;
    const answer = await cloud.as('member').request('GET', view);
    equal(answer.status, 200, `${view}: ${JSON.stringify(answer.body)}`);
    seen[at] = answer.body;
  }
  return seen;
}

test('the estate covers the services', () => {
  const secret = calls().filter(({ target }) => target.secret).length;
  ok(secret > 100, `only ${secret} calls name something of the project's`);
});

test("a member of another project neither sees nor changes the project's things", async () => {
  const before = await views();
  const complaints: string[] = [];
  for (const call of calls()) {
    const { target, endpoint, name } = call;
    if (!target.secret || name in openToAll) continue;
    const stranger = cloud.as('other');
    // Where the URL begins with a project, strangers also try with their own.
    for (const body of bodies(call))
      for (const into of endpoint.path.startsWith('/v3/{project_id}/') ? [null, stranger.projectId] : [null]) {
        const at = (path: string): string => (into ? path.replace(/^(\/\w+\/v3\/)[^/]+/, `$1${into}`) : path);
        if (into && target.ids.length < 2) continue;
        const foreign = await ask(stranger, call, at(target.path), body);
        if (![401, 403, 404].includes(foreign.status))
          complaints.push(`${name}: ${foreign.status} ${foreign.bytes.toString().slice(0, 160)} for ${body.raw ?? ''}`);
        if (endpoint.writes) {
          const tried = await ask(stranger, call, at(target.path), body, { 'x-dry-run': 'true' });
          if (tried.status !== foreign.status) complaints.push(`${name}: ${tried.status} as a dry run`);
        }
        const missing = await ask(stranger, call, at(target.missing), body);
        const [a, b] = [shape(foreign, target.ids, 0), shape(missing, target.ids, 1)];
        if (a !== b)
          complaints.push(`${name} tells what exists:\n  there:   ${a.slice(0, 300)}\n  missing: ${b.slice(0, 300)}`);
      }
    if (endpoint.writes) await cloud.settle();
  }
  deepEqual(await views(), before);
  deepEqual(complaints, [], `\n${complaints.join('\n')}`);
});

test('a reader of the project changes nothing of it', async () => {
  const before = await views();
  const complaints: string[] = [];
  for (const call of calls()) {
    if (!call.endpoint.writes || !call.target.secret) continue;
    if (call.service.name === 'identity' || onlyReads.has(call.name)) continue;
    for (const body of bodies(call)) {
      const answer = await ask(cloud.as('reader'), call, call.target.path, body);
      if (![401, 403, 404].includes(answer.status))
        complaints.push(
          `${call.name}: ${answer.status} ${answer.bytes.toString().slice(0, 160)} for ${body.raw ?? ''}`,
        );
    }
  }
  await cloud.settle();
  deepEqual(await views(), before);
  deepEqual(complaints, [], `\n${complaints.join('\n')}`);
});

test('a reader makes nothing', async () => {
  const complaints: string[] = [];
  for (const call of calls()) {
    if (call.endpoint.method !== 'POST' || call.target.secret || call.service.name === 'identity') continue;
    for (const body of bodies(call)) {
      const answer = await ask(cloud.as('reader'), call, call.target.path, body);
      if (answer.status < 400 || answer.status === 409)
        complaints.push(
          `${call.name}: ${answer.status} ${answer.bytes.toString().slice(0, 160)} for ${body.raw ?? ''}`,
        );
    }
  }
  deepEqual(complaints, [], `\n${complaints.join('\n')}`);
});

test('a reader makes no port on a network that is shared with all', async () => {
  const shared = { name: 'shared', shared: true };
  const { network } = await cloud.as('admin').post('/network/v2.0/networks', { network: shared });
  await cloud.as('reader').post('/network/v2.0/ports', { port: { network_id: network.id } }, 403);
  await cloud.as('other').post('/network/v2.0/ports', { port: { network_id: network.id } });
});

test('lists show nothing foreign, whatever they are asked', async () => {
  const { projectId, userId } = cloud.as('member');
  const filters = [
    '',
    'all_tenants=1',
    'all_tenants=True',
    'all_projects=true',
    `project_id=${projectId}`,
    `tenant_id=${projectId}`,
    `owner=${projectId}`,
    `user_id=${userId}`,
    `all_tenants=1&project_id=${projectId}`,
    `project=${projectId}`,
    'visibility=private',
    'visibility=all',
    'member_status=all',
    'is_public=none',
    'shared=false',
    'deleted=true',
    'name=private',
    'sort_key=project_id&limit=1000',
  ];
  const secrets = [...estate].filter(
    ([, { secret, id }]) => secret && id.length > 20 && id !== projectId && id !== userId,
  );
  const complaints: string[] = [];
  for (const call of calls()) {
    if (call.endpoint.method !== 'GET') continue;
    const own = call.endpoint.path.replaceAll(/\{(project_id|tenant_id)\}/g, cloud.as('other').projectId);
    if (own.includes('{')) continue;
    for (const filter of filters) {
      const path = `/${call.service.name}${own}${filter ? `?${filter}` : ''}`;
      const answer = await ask(cloud.as('other'), call, path, {});
      const text = answer.bytes.toString();
      for (const [at, { id }] of secrets) if (text.includes(id)) complaints.push(`GET ${path} shows ${at}`);
      if (answer.status >= 500) complaints.push(`GET ${path}: ${answer.status}`);
    }
  }
  deepEqual(complaints, [], `\n${complaints.join('\n')}`);
});
