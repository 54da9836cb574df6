// A plain client of a running cloud's API, for scenarios that need many quick calls.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RealCloud } from './haneul.ts';

// biome-ignore lint: bodies are asserted by the scenario that reads them
type Json = any;

export interface Api {
  get(path: string): Promise<Json>;
  post(path: string, body: unknown): Promise<Json>;
  put(path: string, body: unknown): Promise<Json>;
  delete(path: string): Promise<void>;
  imageId(name: string): Promise<string>;
  flavorId(name: string): Promise<string>;
}

/** The administrator's client. Retries while the control plane is away, as clients' adapters do for GET. */
export async function apiOf(cloud: RealCloud): Promise<Api> {
  const { username, password, project } = JSON.parse(readFileSync(join(cloud.data, 'run', 'credentials.json'), 'utf8'));
  const identity = {
    methods: ['password'],
    password: { user: { name: username, password, domain: { id: 'default' } } },
  };
  const scope = { project: { name: project, domain: { id: 'default' } } };
  const answer = await fetch(`${cloud.url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope } }),
  });
  const token = answer.headers.get('x-subject-token')!;
  const call = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const headers: Record<string, string> = { 'x-auth-token': token, 'openstack-api-version': 'compute 2.79' };
    if (body) headers['content-type'] = 'application/json';
    const response = await fetch(`${cloud.url}${path}`, {
      method,
      headers,
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  const named = async (path: string, key: string, name: string): Promise<string> =>
    (await call('GET', path))[key].find((item: { name: string }) => item.name === name).id;
  return {
    get: path => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: path => call('DELETE', path),
    imageId: name => named('/image/v2/images', 'images', name),
    flavorId: name => named('/compute/v2.1/flavors', 'flavors', name),
  };
}
