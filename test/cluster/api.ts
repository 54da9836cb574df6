// The APIs of a cloud on a test bed, as its administrator: JSON in, JSON out.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../scenarios/haneul.ts';
import type { Machine } from './testbed.ts';

// biome-ignore lint: what comes back is asserted by the test that reads it
type Json = any;

export interface Api {
  get(path: string): Promise<Json>;
  /** @throws Error unless the answer is a success */
  post(path: string, body: unknown): Promise<Json>;
  delete(path: string): Promise<void>;
  projectId: string;
}

/** @param project `demo` for what users do */
export async function apiOf(machine: Machine, user = 'admin', project = user): Promise<Api> {
  const { password } = JSON.parse(readFileSync(join(machine.data, 'run', 'credentials.json'), 'utf8'));
  const { url } = JSON.parse(readFileSync(join(machine.data, 'run', 'ready.json'), 'utf8'));
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: user, password, domain } } };
  const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } }),
  });
  const { token } = (await reply.json()) as { token: { project: { id: string } } };
  const headers = {
    'x-auth-token': reply.headers.get('x-subject-token') ?? '',
    'content-type': 'application/json',
    'openstack-api-version': 'compute 2.90',
  };
  const call = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    get: path => call('GET', path),
    post: (path, body) => call('POST', path, body),
    delete: path => call('DELETE', path),
    projectId: token.project.id,
  };
}

/** Boots the small guest as the user demo, on the only host that is enabled for it, and waits until it is active. */
export async function boot(
  machine: Machine,
  host: string,
  name: string,
  network = 'private',
  more: object = {},
): Promise<Json> {
  const [admin, api] = [await apiOf(machine), await apiOf(machine, 'demo')];
  const { hosts } = await admin.get('/haneul/hosts');
  for (const other of hosts)
    await admin.post(
      `/haneul/hosts/${other.name}/${other.name === host ? 'enable' : 'disable'}`,
      other.name === host ? undefined : {},
    );
  const { images } = await api.get('/image/v2/images?name=haneul-tiny');
  const { flavors } = await api.get('/compute/v2.1/flavors');
  const { networks } = await api.get(`/network/v2.0/networks?name=${network}`);
  const { server } = await api.post('/compute/v2.1/servers', {
    server: {
      name,
      imageRef: images[0].id,
      flavorRef: flavors.find((flavor: Json) => flavor.name === 'tiny').id,
      networks: [{ uuid: networks[0].id }],
      ...more,
    },
  });
  const booted = eventually(async () => {
    const now = (await api.get(`/compute/v2.1/servers/${server.id}`)).server;
    if (now.status === 'ERROR') return Promise.reject(Object.assign(new Error(JSON.stringify(now.fault)), { now }));
    if (now.status !== 'ACTIVE') throw new Error(`${name} is ${now.status} (${now['OS-EXT-STS:task_state']})`);
    return now;
  }, 120_000);
  try {
    return await booted;
  } finally {
    for (const other of hosts) if (other.enabled) await admin.post(`/haneul/hosts/${other.name}/enable`, undefined);
  }
}
