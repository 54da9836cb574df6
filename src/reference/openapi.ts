// OpenAPI 3.1 of one service, read off its endpoints. Our request and reply schemas are JSON Schema already.

import type { Endpoint, Microversion } from '#/platform/http/endpoint.ts';
import type { TSchema } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { type Call, callsOf, nameOf, versionsOf } from './calls.ts';
import { shareSchemas } from './shared-schemas.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** The document; keys in a stable order. */
export function openApi(service: Service): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const call of callsOf(service)) {
    const item = (paths[call.path] ??= pathItem(service, call));
    item[call.method.toLowerCase()] = operation(service, call);
  }
  const range = service.microversions;
  return shareSchemas({
    openapi: '3.1.0',
    info: {
      title: `${service.catalogName} (${service.type})`,
      version: range?.max ?? majorVersion(service),
      ...(range ? { 'x-microversions': { min: range.min, max: range.max, default: range.default } } : {}),
    },
    servers: [{ url: `/${service.name}` }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
    },
  });
}

/** As its paths say it: `/v2/images` → 2. */
function majorVersion(service: Service): string {
  const named = service.endpoints.map(({ path }) => /^\/v([\d.]+)\//.exec(path)?.[1]);
  return named.find(version => version !== undefined) ?? '1';
}

function pathItem(service: Service, { path }: Call): JsonObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const range = service.microversions;
  const parameters: Json[] = names.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  if (range)
    parameters.push({
      name: 'OpenStack-API-Version',
      in: 'header',
      schema: { type: 'string', examples: [`${range.type} ${range.max}`] },
    });
  return parameters.length ? { parameters } : {};
}

function operation(service: Service, call: Call): JsonObject {
  const { endpoints } = call;
  const body = requestBody(call);
  const query = queryParameters(endpoints);
  const summary = endpoints.length === 1 ? endpoints[0]!.summary : undefined;
  return {
    operationId: operationId(call),
    ...(summary ? { summary } : {}),
    ...(query.length ? { parameters: query } : {}),
    ...(body ? { requestBody: body } : {}),
    responses: responses(endpoints),
    ...(endpoints.every(({ policy }) => policy === 'public') ? { security: [] } : {}),
    'x-endpoints': endpoints.map(endpoint => ({
      name: nameOf(service, endpoint),
      policy: endpoint.policy,
      ...(endpoint.action ? { action: endpoint.action } : {}),
      ...(versionsOf(endpoint) ? { microversions: versionsOf(endpoint) } : {}),
      ...(endpoint.summary && endpoints.length > 1 ? { summary: endpoint.summary } : {}),
      ...(endpoint.writes ? { dryRun: !endpoint.stream } : {}),
    })),
  };
}

/** `get_servers_server_id_action`: the method and the path's words, which no other call has. */
function operationId({ method, path }: Call): string {
  return `${method.toLowerCase()}${path.replaceAll(/\W+/g, '_').replace(/_$/, '')}`;
}

function queryParameters(endpoints: Endpoint[]): Json[] {
  const known = new Map<string, Json>();
  for (const { query } of endpoints) {
    const { properties = {}, required = [] } = (query ?? {}) as {
      properties?: Record<string, TSchema>;
      required?: string[];
    };
    for (const [name, schema] of Object.entries(properties))
      if (!known.has(name))
        known.set(name, {
          name,
          in: 'query',
          ...(required.includes(name) && endpoints.length === 1 ? { required: true } : {}),
          schema: plain(schema),
        });
  }
  return [...known.values()];
}

function requestBody({ endpoints }: Call): JsonObject | undefined {
  const stream = endpoints.find(endpoint => endpoint.stream && endpoint.writes);
  if (stream) return { content: { 'application/octet-stream': {} } };
  const choices = endpoints.flatMap(endpoint =>
    endpoint.bodies.map(({ from, schema }, at) => ({
      title: titleOf(endpoint, from, endpoint.bodies[at - 1]?.from),
      schema: plain(schema),
    })),
  );
  if (!choices.length) return undefined;
  const schema: Json =
    choices.length === 1
      ? choices[0]!.schema
      : { anyOf: choices.map(choice => (choice.title ? { title: choice.title, ...choice.schema } : choice.schema)) };
  const types = endpoints.flatMap(({ mediaTypes }) => mediaTypes);
  const names = types.length ? [...new Set(types)] : ['application/json'];
  return {
    ...(endpoints.every(({ bodyOptional }) => !bodyOptional) ? { required: true } : {}),
    content: Object.fromEntries(names.map(name => [name, { schema }])),
  };
}

/** What tells one body of a call from another: `rebuild, 2.57-2.62`. */
function titleOf(endpoint: Endpoint, from: Microversion, next: Microversion | undefined): string {
  const own = versionsOf(endpoint);
  const start = from.major ? `${from.major}.${from.minor}` : (own.split('-')[0] ?? '');
  const end = next ? `before ${next.major}.${next.minor}` : (own.split('-')[1] ?? '');
  const since = start ? `from ${start}` : '';
  const until = end && !next ? `until ${end}` : end;
  return [endpoint.action, since, until].filter(part => part).join(', ');
}

function responses(endpoints: Endpoint[]): JsonObject {
  const statuses = new Map<number, JsonObject[]>();
  for (const endpoint of endpoints)
    for (const [status, schema] of Object.entries(endpoint.replies)) {
      const schemas = statuses.get(Number(status)) ?? [];
      statuses.set(Number(status), schemas);
      if (schema) schemas.push(plain(schema));
    }
  const answers = [...statuses].toSorted(([a], [b]) => a - b);
  return {
    ...Object.fromEntries(
      answers.map(([status, schemas]) => {
        const distinct = [...new Map(schemas.map(schema => [JSON.stringify(schema), schema])).values()];
        const schema: Json = distinct.length === 1 ? distinct[0]! : { anyOf: distinct };
        return [
          String(status),
          {
            description: meaning[status] ?? 'Done',
            ...(distinct.length ? { content: { 'application/json': { schema } } } : {}),
          },
        ];
      }),
    ),
    default: { description: 'Refused: the status says why, the body holds a sentence about it' },
  };
}

const meaning: Record<number, string> = {
  200: 'Here it is',
  201: 'Made',
  202: 'Accepted; it goes on after this answer',
  203: 'Here it is',
  204: 'Done, without a body',
  206: 'The part that was asked for',
  207: 'Done, with an answer for each part',
  300: 'Choose a version',
};

function plain(schema: TSchema): JsonObject {
  return JSON.parse(JSON.stringify(schema)) as JsonObject;
}
