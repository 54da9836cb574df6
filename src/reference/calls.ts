// The endpoints of a service as a reader of its reference sees them: grouped by URL and method, because a body key or a
// microversion may choose between several endpoints there.

import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';

/** One URL and method. */
export interface Call {
  /** Below the service's prefix; parameter names are those of the first endpoint that was declared on this URL. */
  path: string;
  method: string;
  endpoints: Endpoint[];
}

/** By path, then by method in the order that readers expect. */
export function callsOf(service: Service): Call[] {
  const paths = new Map<string, string>();
  const calls = new Map<string, Call>();
  for (const endpoint of service.endpoints) {
    const written = endpoint.path.replace(/\{(\w+)\*\}$/, '{$1}') || '/';
    const shape = written.replaceAll(/\{\w+\}/g, '{}');
    const path = paths.get(shape) ?? written;
    paths.set(shape, path);
    const key = `${endpoint.method} ${path}`;
    const call = calls.get(key);
    if (call) call.endpoints.push(endpoint);
    else calls.set(key, { path, method: endpoint.method, endpoints: [endpoint] });
  }
  return [...calls.values()].toSorted(
    (a, b) => order(a.path, b.path) || methods.indexOf(a.method) - methods.indexOf(b.method),
  );
}

const methods = ['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'COPY', 'OPTIONS'];

/** By code units, whatever the machine's language. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `2.1-2.35`, `2.36-`, or nothing where it exists in every version. */
export function versionsOf({ versions }: Endpoint): string {
  if (!versions) return '';
  const min = versions.min.major === 0 ? '' : `${versions.min.major}.${versions.min.minor}`;
  const max = versions.max.major === 999 ? '' : `${versions.max.major}.${versions.max.minor}`;
  return min === '' && max === '' ? '' : `${min}-${max}`;
}

/** `POST /compute/v2.1/servers/{server_id}/action (os-start) 2.1-2.35`, the parts that it has. */
export function nameOf(service: Service, endpoint: Endpoint): string {
  const versions = versionsOf(endpoint);
  return [
    `${endpoint.method} /${service.name}${endpoint.path.replace(/^\/$/, '')}`,
    ...(endpoint.action ? [`(${endpoint.action})`] : []),
    ...(versions ? [versions] : []),
  ].join(' ');
}
