// The description of a service, as OpenAPI, with what the caller may call and nothing else.

import { ownCalls } from '#/operations/own-calls.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { open } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { openApi } from '#/reference/openapi.ts';

/** Callers of the same rights get the same document; making one takes the time of many requests. */
const kept = 64;

export function openApiEndpoint(services: Service[]): Endpoint {
  const documents = new Map<string, ReturnType<typeof openApi>>();

  function documentOf(service: Service, endpoints: Endpoint[]): ReturnType<typeof openApi> {
    const allowed = new Set(endpoints);
    const key = `${service.name} ${service.endpoints.map(each => (allowed.has(each) ? 1 : 0)).join('')}`;
    const known = documents.get(key);
    if (known) return known;
    if (documents.size >= kept) documents.delete(documents.keys().next().value!);
    const made = openApi({ ...service, endpoints });
    documents.set(key, made);
    return made;
  }

  return endpoint({
    policy: 'haneul:openapi',
    allow: '',
    route: 'GET /openapi/{service}',
    summary: 'Describes what the caller may call of a service, as OpenAPI',
    replies: { 200: open({}) },
    async handle({ caller, policy, path: { service: name = '' } }) {
      const service = services.find(each => each.name === name);
      if (!service) throw new Problem('notFound', platformTexts.noRoute);
      return { 200: documentOf(service, ownCalls(service, { caller, policy })) };
    },
  });
}
