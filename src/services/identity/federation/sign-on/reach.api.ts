// The older way to ask where a federated login's token could be scoped to: the same as `/v3/auth/projects` and `/domains`.
// API: Identity v3, "OS-FEDERATION", projects and domains (deprecated).

import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { anyone } from '#/services/identity/allow.ts';
import { domainsOfUser, projectsOfUser } from '#/services/identity/assignments/reach.store.ts';
import { viewDomain, viewProject } from '#/services/identity/projects/project.view.ts';
import { anyQuery, listOf, schemas } from '#/services/identity/wire.ts';

const projects = endpoint({
  policy: 'identity:get_auth_projects',
  allow: anyone,
  route: 'GET /v3/OS-FEDERATION/projects',
  summary: 'Lists the projects that a federated user can work in',
  query: anyQuery,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, caller, query, request }) {
    const rows = (await projectsOfUser(tx, caller.userId)).filter(({ enabled }) => enabled);
    const views = rows.map(row => viewProject(row, request));
    return { 200: listOf(request, query, 'projects', views, ['name', 'domain_id', 'enabled']) };
  },
});

const domains = endpoint({
  policy: 'identity:get_auth_domains',
  allow: anyone,
  route: 'GET /v3/OS-FEDERATION/domains',
  summary: 'Lists the domains that a federated user can work in',
  query: anyQuery,
  replies: { 200: schemas.list('domains') },
  async handle({ tx, caller, query, request }) {
    const rows = (await domainsOfUser(tx, caller.userId)).filter(({ enabled }) => enabled);
    return {
      200: listOf(
        request,
        query,
        'domains',
        rows.map(row => viewDomain(row, request)),
      ),
    };
  },
});

export const federatedReachEndpoints: Endpoint[] = [projects, domains];
