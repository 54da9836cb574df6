// What policy says: to administrators whether a user may do something and why, to everybody what they may call themselves.

import { openApiEndpoint } from '#/operations/openapi.api.ts';
import { ownCalls } from '#/operations/own-calls.ts';
import { ownTarget } from '#/operations/own-target.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { array, boolean, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { standIn } from '#/services/identity/contract.ts';

const callView = object({
  service: string(),
  method: string(),
  path: string(),
  action: optional(string()),
  rule: string(),
});

type Listed = Pick<Service, 'name' | 'type' | 'aliases'> & { endpoints: Endpoint[] };

/** @param own where these two endpoints will stand, with the others there */
export function policyEndpoints(services: Service[], own: Listed): Endpoint[] {
  const listed: Listed[] = [...services, own];

  /** A rule by its name, or by a call such as `POST /compute/v2.1/servers`. */
  function ruleOf(action: string): string {
    const [method = '', path = ''] = action.split(/\s+/);
    const called = listed.flatMap(({ name, endpoints }) =>
      endpoints.filter(
        each => each.method === method.toUpperCase() && fits(`/${name}${each.path}`, path.split('?')[0]!),
      ),
    );
    return called[0]?.policy ?? action;
  }

  const explain = endpoint({
    policy: 'haneul:policy:explain',
    allow: 'role:admin',
    route: 'POST /policy/explain',
    summary: 'Says whether a user may do something, and why',
    writes: false,
    body: object({
      user: string({ min: 1, max: 255 }),
      action: string({ min: 1, max: 512 }),
      project: optional(string({ max: 255 })),
      domain: optional(string({ max: 255 })),
      system: optional(boolean()),
      target: optional(open({})),
    }),
    replies: {
      200: object({
        allowed: boolean(),
        rule: string(),
        definition: string(),
        overridden: boolean(),
        because: array(string()),
        sentence: string(),
        user_id: string(),
        project_id: nullable(string()),
        roles: array(string()),
      }),
    },
    async handle({ tx, body, policy, request }) {
      const { user, action, target = {}, ...scope } = body;
      const caller = await standIn(tx, user, scope);
      const said = policy.explain(ruleOf(action), caller.credentials, { ...ownTarget(caller), ...target });
      return {
        200: {
          allowed: said.allowed,
          rule: said.name,
          definition: said.rule,
          overridden: said.overridden,
          because: said.parts,
          sentence: said.text.say(request.language, said.facts),
          user_id: caller.userId,
          project_id: caller.projectId,
          roles: [...caller.roles],
        },
      };
    },
  });

  const capabilities = endpoint({
    policy: 'haneul:capabilities',
    allow: '',
    route: 'GET /capabilities',
    summary: 'Lists what the caller may call, on what is their own',
    replies: { 200: object({ calls: array(callView) }) },
    async handle({ caller, policy }) {
      const shown = listed.flatMap(of =>
        ownCalls(of, { caller, policy }).map(({ method, path, action, policy: rule }) => ({
          service: of.name,
          method,
          path: `/${of.name}${path}`,
          ...(action === undefined ? {} : { action }),
          rule,
        })),
      );
      return { 200: { calls: shown } };
    },
  });

  const made = [explain, capabilities, openApiEndpoint(services)];
  listed.push({ ...own, endpoints: made });
  return made;
}

/** Whether a path is of a route: `{name}` stands for any one segment. */
function fits(route: string, path: string): boolean {
  const [wanted, given] = [route.split('/'), path.replace(/\/$/, '').split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith('{') ? given[at] !== '' : part === given[at]))
  );
}
