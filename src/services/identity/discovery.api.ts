// Which versions there are.

import { endpoint, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, open } from '#/platform/http/schema.ts';

function version({ base }: RequestFacts) {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${base}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

export const versions = endpoint({
  policy: 'public',
  route: 'GET /',
  summary: 'Lists the API versions',
  replies: { 300: open({ versions: open({ values: any() }) }) },
  handle: async ({ request }) => ({
    300: { versions: { values: [version(request)] } },
    headers: { vary: 'X-Auth-Token' },
  }),
});

export const versionThree = endpoint({
  policy: 'public',
  route: 'GET /v3',
  summary: 'Shows version 3',
  replies: { 200: open({ version: any() }) },
  handle: async ({ request }) => ({ 200: { version: version(request) }, headers: { vary: 'X-Auth-Token' } }),
});
