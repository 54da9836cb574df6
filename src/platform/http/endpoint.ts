// One API call, declared once: everything that is known about it is read off this value.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { ClientCertificate } from '#/platform/http/tls.ts';
import type { Problem } from '#/platform/problem/problem.ts';
import type { Static, TSchema } from '#/platform/http/schema.ts';
import type { Language } from '#/platform/text/text.ts';

/** 2.79 is `{ major: 2, minor: 79 }`. */
export interface Microversion {
  major: number;
  minor: number;
}

export interface RequestFacts {
  /** `req-…`; also the answer's X-Openstack-Request-Id. */
  id: string;
  method: string;
  /** Path and query as they came. */
  url: string;
  /** Where clients reach this service: `http://host:port/compute`, no trailing slash. */
  base: string;
  headers: IncomingMessage['headers'];
  language: Language;
  remoteAddress: string;
  /** Absent where the client has shown none that counts. */
  clientCertificate?: ClientCertificate;
}

export type Query = Record<string, string | string[]>;

/** As its schema says, or as it came where there is none. */
type QueryOf<Q extends TSchema> = TSchema extends Q ? Query : Static<Q>;

export interface Asked<B, Q, F> {
  caller: Caller;
  path: Record<string, string>;
  query: Q;
  body: B;
  /** What `find` returned. */
  found: F;
  request: RequestFacts;
  /** The version that is spoken; the newest for services without microversions. */
  version: Microversion;
  /** For rules that depend on what is asked (`os_compute_api:servers:create:forced_host`). */
  policy: Policy;
}

/** Status → body, and headers if any. A body of undefined is no body. */
export type Reply = { [status: number]: unknown; headers?: Record<string, string> };

/**
 * How the resource that a path names is found. Policy is then checked against it (`target`), and a caller who may not
 * even see it gets the same `missing` as if it were not there.
 */
export interface Finder<F> {
  find(asked: {
    tx: Tx;
    path: Record<string, string>;
    caller: Caller;
    policy: Policy;
    request: RequestFacts;
  }): Promise<F | undefined>;
  missing(path: Record<string, string>): Problem;
  /** The policy's view of it; by default `{ project_id: found.projectId, user_id: found.userId }` and found's own fields. */
  target?(found: F): Record<string, unknown>;
  /** Whether the caller may know that it exists; by default: it is in the caller's project, or has none. */
  visible?(found: F, caller: Caller): boolean;
}

export interface EndpointOptions<B extends TSchema, Q extends TSchema, F, P> {
  /** The policy rule's name, or `public` for what needs no token. */
  policy: string;
  /** The rule's default, in the policy language. Required for the first endpoint that names the rule. */
  allow?: string;
  /** Token scopes that the rule is meant for; documentation only, as OpenStack ships it. */
  scopes?: ('project' | 'system' | 'domain')[];
  /** `POST /v3/{project_id}/volumes`. A last segment `{name*}` takes the rest of the path, undecoded. */
  route: string;
  /** For several calls on one URL: the key of the body that selects this one (`os-start`). */
  action?: string;
  /** The microversions in which it exists: `2.1-2.35`, `2.36-`. */
  versions?: string;
  find?: Finder<F>;
  query?: Q;
  /** One schema, or the schema of each microversion from which it holds: `{ '2.1': a, '2.37': b }`. */
  body?: B | Record<string, TSchema>;
  /** An absent body is taken as `{}`. */
  bodyOptional?: boolean;
  /** Other media types than JSON that are parsed as JSON. */
  mediaTypes?: string[];
  replies: Record<number, TSchema | null>;
  /** Older shapes: applied newest first to a successful body when the caller speaks a version before `before`. */
  older?: { before: string; change(body: never): unknown }[];
  /** False for a write that only reads the database, true for a read that writes. By default: not GET or HEAD. */
  writes?: boolean;
  summary?: string;
  /** An answer that is at hand without the database; undefined goes the usual way. It checks its policy itself. */
  quick?(asked: Omit<Asked<undefined, Query, undefined>, 'found' | 'body'>): Reply | undefined;
  /** Slow work that needs no transaction (hashing, fetching), before it. */
  prepare?(asked: Omit<Asked<Static<B>, QueryOf<Q>, F>, 'found'> & { db: Database }): Promise<P>;
  /** Inside one transaction; its result commits with it. */
  handle(asked: Asked<Static<B>, QueryOf<Q>, F> & { tx: Tx; prepared: P }): Promise<Reply>;
}

export interface StreamOptions<Q extends TSchema, F>
  extends Omit<
    EndpointOptions<never, Q, F, never>,
    'body' | 'handle' | 'prepare' | 'replies' | 'bodyOptional' | 'mediaTypes'
  > {
  replies?: Record<number, TSchema | null>;
  /** Reads the request and may write the response itself; then it returns undefined. Opens its own transactions. */
  stream(
    asked: Omit<Asked<undefined, QueryOf<Q>, F>, 'body'> & {
      db: Database;
      incoming: IncomingMessage;
      outgoing: ServerResponse;
    },
  ): Promise<Reply | undefined>;
}

// biome-ignore lint: a service's list holds endpoints of every type
type Any = any;

export interface Endpoint {
  policy: string;
  allow?: string;
  scopes?: string[];
  method: string;
  path: string;
  action?: string;
  versions: { min: Microversion; max: Microversion } | null;
  find?: Finder<Any>;
  query?: TSchema;
  bodies: { from: Microversion; schema: TSchema }[];
  bodyOptional: boolean;
  mediaTypes: string[];
  replies: Record<number, TSchema | null>;
  older: { before: Microversion; change(body: Any): unknown }[];
  writes: boolean;
  summary?: string;
  quick?(asked: Any): Reply | undefined;
  prepare?(asked: Any): Promise<Any>;
  handle?(asked: Any): Promise<Reply>;
  stream?(asked: Any): Promise<Reply | undefined>;
}

/** Declares a call whose body and answer are JSON. */
export function endpoint<B extends TSchema, Q extends TSchema, F = undefined, P = undefined>(
  options: EndpointOptions<B, Q, F, P>,
): Endpoint {
  const { body } = options;
  const bodies = !body
    ? []
    : isSchema(body)
      ? [{ from: oldest, schema: body }]
      : Object.entries(body as Record<string, TSchema>).map(([from, schema]) => ({ from: parseVersion(from), schema }));
  bodies.sort((a, b) => compareVersions(b.from, a.from));
  return {
    ...common(options),
    bodies,
    bodyOptional: options.bodyOptional ?? false,
    mediaTypes: options.mediaTypes ?? [],
    replies: options.replies,
    quick: options.quick,
    prepare: options.prepare,
    handle: options.handle,
  };
}

/** Declares a call that reads or writes bytes. */
export function streamEndpoint<Q extends TSchema, F = undefined>(options: StreamOptions<Q, F>): Endpoint {
  return {
    ...common(options as Any),
    bodies: [],
    bodyOptional: true,
    mediaTypes: [],
    replies: options.replies ?? {},
    stream: options.stream,
  };
}

function common(options: EndpointOptions<Any, Any, Any, Any>) {
  const [method = '', path = ''] = options.route.split(' ');
  return {
    policy: options.policy,
    allow: options.allow,
    scopes: options.scopes,
    method,
    path,
    action: options.action,
    versions: options.versions ? parseRange(options.versions) : null,
    find: options.find,
    query: options.query,
    older: (options.older ?? [])
      .map(step => ({ before: parseVersion(step.before), change: step.change }))
      .sort((a, b) => compareVersions(b.before, a.before)),
    writes: options.writes ?? !['GET', 'HEAD'].includes(method),
    summary: options.summary,
  };
}

const oldest: Microversion = { major: 0, minor: 0 };
const newest: Microversion = { major: 999, minor: 0 };

function isSchema(body: unknown): body is TSchema {
  const keys = Object.keys(body as object);
  return keys.length === 0 || !keys.every(key => /^\d+\.\d+$/.test(key));
}

function parseRange(range: string): { min: Microversion; max: Microversion } {
  const [min = '', max = ''] = range.split('-');
  return { min: min ? parseVersion(min) : oldest, max: max ? parseVersion(max) : newest };
}

/** `2.79` → its numbers. @throws Error on anything else; check user input before */
export function parseVersion(text: string): Microversion {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (!match) throw new Error(`not a version: ${text}`);
  return { major: Number(match[1]), minor: Number(match[2]) };
}

export function compareVersions(a: Microversion, b: Microversion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** Whether the spoken version is at least `text`: `since(version, '2.73')`. */
export function since(version: Microversion, text: string): boolean {
  return compareVersions(version, parseVersion(text)) >= 0;
}
