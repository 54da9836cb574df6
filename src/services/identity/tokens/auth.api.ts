// What the holder of a token may reach: the catalog, and the scopes that another token could have.
// API: Identity v3, "Authentication and token management".

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anyone } from '#/services/identity/allow.ts';
import { domainsOfUser, hasSystemRole, projectsOfUser } from '#/services/identity/assignments/reach.store.ts';
import { catalogFor } from '#/services/identity/catalog/catalog.store.ts';
import { viewDomain, viewProject } from '#/services/identity/projects/project.view.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { anyQuery, listLinks, listOf, schemas } from '#/services/identity/wire.ts';

const catalog = endpoint({
  policy: 'identity:get_auth_catalog',
  allow: anyone,
  route: 'GET /v3/auth/catalog',
  summary: 'Shows the catalog of the token',
  replies: { 200: open({ catalog: any(), links: any() }) },
  async handle({ tx, caller, request }) {
    if (!caller.projectId && !caller.domainId && !caller.systemScope) throw new Problem('forbidden', t.needsScope);
    return { 200: { catalog: await catalogFor(tx, caller.projectId), links: { self: listLinks(request).self } } };
  },
});

const projects = endpoint({
  policy: 'identity:get_auth_projects',
  allow: anyone,
  route: 'GET /v3/auth/projects',
  summary: 'Lists the projects that a token can be scoped to',
  query: anyQuery,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, caller, query, request }) {
    const rows = await projectsOfUser(tx, caller.userId);
    const views = rows.filter(row => row.enabled).map(row => viewProject(row, request));
    return { 200: listOf(request, query, 'projects', views, ['name', 'domain_id', 'enabled']) };
  },
});

const domains = endpoint({
  policy: 'identity:get_auth_domains',
  allow: anyone,
  route: 'GET /v3/auth/domains',
  summary: 'Lists the domains that a token can be scoped to',
  query: anyQuery,
  replies: { 200: schemas.list('domains') },
  async handle({ tx, caller, query, request }) {
    const rows = await domainsOfUser(tx, caller.userId);
    return {
      200: listOf(
        request,
        query,
        'domains',
        rows.filter(row => row.enabled).map(row => viewDomain(row, request)),
      ),
    };
  },
});

const system = endpoint({
  policy: 'identity:get_auth_system',
  allow: anyone,
  route: 'GET /v3/auth/system',
  summary: 'Says whether a token can be scoped to the system',
  replies: { 200: open({ system: any(), links: any() }) },
  async handle({ tx, caller, request }) {
    return {
      200: {
        system: (await hasSystemRole(tx, caller.userId)) ? [{ all: true }] : [],
        links: { self: listLinks(request).self },
      },
    };
  },
});

export const authEndpoints = [catalog, projects, domains, system];
