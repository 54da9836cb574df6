// Which endpoint a request is for. Read off the services' declarations; no second list exists.

import findMyWay from 'find-my-way';
import { compareVersions, type Endpoint, type Microversion, parseVersion } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

/** What one method and path lead to: one endpoint, or several told apart by body key and microversion. */
export interface Route {
  service: Service;
  endpoints: Endpoint[];
  hasActions: boolean;
}

export interface Match {
  route: Route;
  path: Record<string, string>;
}

export interface Router {
  /** @throws Problem notFound, or a MethodNotAllowed for a known path */
  match(method: string, path: string): Match;
  /** The service that a path belongs to by its prefix, for the shape of errors. */
  serviceAt(path: string): Service | undefined;
}

/** A known path, but not with this method. */
export class MethodNotAllowed extends Error {
  readonly service: Service;
  readonly allowed: string[];
  constructor(service: Service, allowed: string[]) {
    super('method not allowed');
    this.service = service;
    this.allowed = allowed;
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'COPY', 'OPTIONS'] as const;
type Method = (typeof methods)[number];

export function createRouter(services: Service[]): Router {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 1024, caseSensitive: true });
  const known = new Set<string>();
  for (const service of services) {
    const routes = new Map<string, Route>();
    for (const endpoint of service.endpoints) {
      const key = `${endpoint.method} ${endpoint.path.replaceAll(/\{\w+\}/g, '{}')}`;
      let route = routes.get(key);
      if (!route) {
        routes.set(key, (route = { service, endpoints: [], hasActions: false }));
        const path = pattern(service, endpoint.path);
        known.add(path);
        router.on(endpoint.method as Method, path, () => {}, route);
        if (
          endpoint.method === 'GET' &&
          !service.endpoints.some(other => other.method === 'HEAD' && other.path === endpoint.path)
        )
          router.on('HEAD', path, () => {}, route);
      }
      route.endpoints.push(endpoint);
      route.hasActions ||= endpoint.action !== undefined;
    }
  }
  const byPrefix = new Map(services.map(service => [service.name, service]));
  const serviceAt = (path: string): Service | undefined => byPrefix.get(path.split('/', 2)[1] ?? '');
  return {
    serviceAt,
    match(method, path) {
      const found = methods.includes(method as Method) ? router.find(method as Method, path) : null;
      if (found) return { route: found.store as Route, path: found.params as Record<string, string> };
      const allowed = methods.filter(other => router.find(other, path));
      const service = serviceAt(path);
      if (allowed.length && service) throw new MethodNotAllowed(service, allowed);
      throw new Problem('notFound', t.noRoute);
    },
  };
}

/** `/v3/{project_id}/volumes` → `/volume/v3/:project_id/volumes`; `{name*}` → `*`. */
function pattern(service: Service, path: string): string {
  const tail = path.replaceAll(/\{(\w+)\}/g, ':$1').replace(/\{\w+\*\}$/, '*');
  return `/${service.name}${tail}`.replace(/(.)\/$/, '$1');
}

/** The endpoint of a route for a version and, on action URLs, the body's key. */
export function choose(route: Route, version: Microversion, body: unknown): Endpoint {
  let candidates = route.endpoints;
  if (route.hasActions) {
    const keys = body !== null && typeof body === 'object' && !Array.isArray(body) ? Object.keys(body) : [];
    candidates = candidates.filter(endpoint => keys.includes(endpoint.action ?? ''));
    if (!candidates.length)
      throw new Problem('invalid', t.unknownAction, { action: keys.map(key => key.slice(0, 60)) });
  }
  const fitting = candidates.find(
    ({ versions }) =>
      !versions || (compareVersions(version, versions.min) >= 0 && compareVersions(version, versions.max) <= 0),
  );
  if (!fitting) throw new Problem('notFound', t.noRoute);
  return fitting;
}

/** The version that a request speaks. @throws Problem invalid for nonsense, notAcceptable out of range */
export function spokenVersion(service: Service, headers: Record<string, string | string[] | undefined>): Microversion {
  const range = service.microversions;
  if (!range) return newestVersion;
  const asked = askedVersion(range, headers);
  if (asked === undefined) return parseVersion(range.default);
  if (asked === 'latest') return parseVersion(range.max);
  if (!/^\d{1,4}\.\d{1,4}$/.test(asked)) throw new Problem('invalid', t.badVersion, { version: asked.slice(0, 40) });
  const version = parseVersion(asked);
  if (compareVersions(version, parseVersion(range.min)) < 0 || compareVersions(version, parseVersion(range.max)) > 0)
    throw new Problem('notAcceptable', t.versionRange, { version: asked, min: range.min, max: range.max });
  return version;
}

const newestVersion: Microversion = { major: 999, minor: 0 };

function askedVersion(
  range: NonNullable<Service['microversions']>,
  headers: Record<string, string | string[] | undefined>,
): string | undefined {
  const header = headers['openstack-api-version'];
  for (const part of (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',')) {
    const [type, version] = part.trim().split(/\s+/);
    if (type === range.type && version) return version;
  }
  const legacy = range.legacyHeader ? headers[range.legacyHeader.toLowerCase()] : undefined;
  return Array.isArray(legacy) ? legacy[0] : legacy;
}
