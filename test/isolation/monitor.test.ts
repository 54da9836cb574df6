// Generated from the declared endpoints: who has the `monitor` role sees what every project has, and writes nothing.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { knownRules } from '#/cli/policy-bundle.ts';
import { readBundles, rulesOfBundles } from '#/platform/access/bundles.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { seededRandom } from '../seeded-random.ts';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';
import { type Estate, makeEstate, targetOf } from './estate.ts';

const random = seededRandom(12);
const directory = mkdtempSync(join(tmpdir(), 'haneul-monitor-'));
let cloud: TestCloud;
let estate: Estate;
let monitor: TestClient;

before(async () => {
  const rules = rulesOfBundles([readBundles().get('monitor')!], await knownRules());
  writeFileSync(join(directory, '00-bundles.yaml'), stringify(Object.fromEntries(rules)));
  cloud = await testCloud({ hosts: 1, seed: 12, checkReplies: false, policyFiles: directory });
  estate = await makeEstate(cloud);
  monitor = await makeMonitor(cloud);
});
after(async () => {
  await cloud[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** In a project that has nothing. */
async function makeMonitor({ as, anonymous }: TestCloud): Promise<TestClient> {
  const admin = as('admin');
  const { role } = await admin.post('/identity/v3/roles', { role: { name: 'monitor' } }, 201);
  const { project } = await admin.post('/identity/v3/projects', { project: { name: 'watch' } }, 201);
  const { user } = await admin.post('/identity/v3/users', { user: { name: 'watcher', password: 'watching' } }, 201);
  await admin.put(`/identity/v3/projects/${project.id}/users/${user.id}/roles/${role.id}`, undefined, 204);
  const identity = { methods: ['password'], password: { user: { id: user.id, password: 'watching' } } };
  const { headers } = await anonymous().request('POST', '/identity/v3/auth/tokens', {
    body: { auth: { identity, scope: { project: { id: project.id } } } },
  });
  return anonymous().with({ 'x-auth-token': headers['x-subject-token']! });
}

/** Lists that show everything to whoever asks for it. */
const everywhere: Record<string, string> = {
  'compute /v2.1/servers/{}': 'all_tenants=1',
  'compute /v2.1/os-server-groups/{}': 'all_projects=1',
  'volume /v3/{}/volumes/{}': 'all_tenants=1',
  'volume /v3/{}/snapshots/{}': 'all_tenants=1',
  'image /v2/images/{}': '',
};

test('a monitor’s lists show what every project has', async () => {
  const lists = [
    ...Object.entries(everywhere),
    // All but quotas: projects with the defaults are not among them.
    ...[...estate.keys()]
      .filter(at => /^network \/v2\.0\/(?!quotas)[\w-]+\/\{\}$/.test(at))
      .map(at => [at, ''] as const),
  ];
  const missing: string[] = [];
  for (const [at, query] of lists) {
    const thing = estate.get(at);
    ok(thing, `nothing was made for ${at}`);
    const [service, path = ''] = at.split(' ');
    const project = cloud.as('other').projectId;
    const url = `/${service}${path.replace(/\/\{\}$/, '').replace('{}', project)}?limit=1000&${query}`;
    const answer = await monitor.request('GET', url);
    if (answer.status !== 200 || !answer.bytes.toString().includes(thing.id)) missing.push(`${answer.status} ${url}`);
    const stranger = await cloud.as('other').request('GET', url);
    if (thing.secret) ok(!stranger.bytes.toString().includes(thing.id), `${url} shows it to a stranger`);
  }
  deepEqual(missing, []);
  ok(lists.length > 14, `${lists.length} lists`);
});

test('a monitor’s writes are refused, whatever they name, and nothing has changed', async () => {
  const open: string[] = [];
  let asked = 0;
  const views = async (): Promise<unknown[]> =>
    Promise.all(
      [...estate.values()].flatMap(({ view }) => (view ? [cloud.as('member').request('GET', view)] : [])),
    ).then(answers => answers.map(({ body }) => body));
  const seen = await views();
  for (const service of cloud.cloud.services)
    for (const endpoint of service.endpoints) {
      if (!endpoint.writes || endpoint.policy === 'public' || endpoint.policy === 'identity:revoke_token') continue;
      const { path } = targetOf(service, endpoint, estate, () => newUuid(random));
      const range = service.microversions;
      const { versions } = endpoint;
      const newest = versions && versions.max.major !== 999 ? `${versions.max.major}.${versions.max.minor}` : 'latest';
      const raw = endpoint.action ? `{"${endpoint.action}": {}}` : endpoint.bodies.length ? '{}' : undefined;
      const answer = await monitor.request(endpoint.method, path, {
        raw,
        headers: {
          ...(raw ? { 'content-type': endpoint.mediaTypes[0] ?? 'application/json' } : {}),
          ...(range ? { 'openstack-api-version': `${range.type} ${newest}` } : {}),
        },
      });
      asked++;
      if (![401, 403, 404].includes(answer.status))
        open.push(`${endpoint.method} ${path} ${endpoint.action ?? ''}: ${answer.status} ${answer.bytes.toString()}`);
    }
  deepEqual(open, []);
  ok(asked > 300, `${asked} calls`);
  deepEqual(await views(), seen);
});

test('a monitor sees the quotas and the image of another project, and not the bytes of it', async () => {
  const { projectId } = cloud.as('member');
  equal((await monitor.get(`/volume/v3/${projectId}/os-quota-sets/${projectId}`)).quota_set.id, projectId);
  const { id } = estate.get('image /v2/images/{}')!;
  equal((await monitor.get(`/image/v2/images/${id}`)).id, id);
  await monitor.get(`/image/v2/images/${id}/file`, 403);
});
