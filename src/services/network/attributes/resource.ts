// A resource of the network API, declared once: from its attributes and its parts come list, show, create (single and
// bulk), update and delete, with the policy of every attribute.

import { type Attributes, readAttributes, type Values } from '#/services/network/attributes/attribute.ts';
import {
  asList,
  chooseFields,
  filtersOf,
  makeFilter,
  page,
  type SpecialFilter,
} from '#/services/network/attributes/list.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type Query, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, array, as, nullable, object, open, optional, type TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Text } from '#/platform/text/text.ts';

/** What every resource's row has, as the API sees it. */
export interface Found {
  id: string;
  projectId: string;
  revision?: number;
}

/** Which rows a caller's list begins with. */
export interface ListScope {
  /** Sees the whole cloud. */
  all: boolean;
  projectId: string;
  /** Values that columns must have; among the filters of the query, where the resource says that it can. */
  only: Record<string, string[]>;
}

export interface Ask {
  tx: Tx;
  caller: Caller;
  policy: Policy;
  request: RequestFacts;
}

export interface Resource<F extends Found> {
  singular: string;
  plural: string;
  /** The path of the collection: `security-groups`. */
  path: string;
  attributes: Attributes;
  /** Default rules of the four verbs, in the policy language; a verb without one does not exist. */
  allow: { create?: string; get: string; update?: string; delete?: string };
  /** Whoever may see none gets an empty list, not a refusal: where `get` is for administrators only. */
  openList?: boolean;
  missing: Text;
  /** Query parameters that the store filters by: wire name → column. */
  columns?: string[];
  filters?: Record<string, SpecialFilter>;
  list(tx: Tx, scope: ListScope): Promise<F[]>;
  view(row: F): Values;
  /** More than the view for the policy: `network:project_id` … */
  target?(row: F): Values;
  /** More for the policy of a new one, of what was asked for. */
  newTarget?(tx: Tx, values: Values, caller: Caller): Promise<Values>;
  visible?(row: F, caller: Caller): boolean;
  /** Before the transaction of a list. */
  prepareList?(asked: { db: Database; caller: Caller }): Promise<void>;
  create?(ask: Ask, values: Values): Promise<F>;
  /** Before a bulk create: what must hold for all. */
  checkBulk?(values: Values[]): void;
  update?(ask: Ask, row: F, values: Values): Promise<F>;
  remove?(ask: Ask, row: F): Promise<void>;
}

/** Sees every project's resources. */
export const seesAll = (caller: Caller, policy: Policy): boolean =>
  policy.allows('context_is_admin', caller.credentials, {});

/** Is told of every project's resources, each by its own rule. */
export const listsAll = (caller: Caller, policy: Policy): boolean =>
  seesAll(caller, policy) || policy.allows('context_with_global_access', caller.credentials, {});

/** The endpoints of a resource. @param rules all rules of the service: those of attributes are looked up by name */
export function endpointsOf<F extends Found>(resource: Resource<F>, rules: Record<string, string>): Endpoint[] {
  const { singular, plural, path, attributes, allow, columns = [] } = resource;
  const collection = `/v2.0/${path}`;
  const shape = open(
    Object.fromEntries(
      Object.entries(attributes)
        .filter(([, one]) => !one.hidden)
        .map(([name]) => [name, optional(any())]),
    ),
  );
  const rulesOf = (verb: string): [string, string][] => {
    const start = `${verb}_${singular}:`;
    return Object.keys(rules)
      .filter(rule => rule.startsWith(start))
      .map(rule => [rule.slice(start.length), rule]);
  };
  const getRules = rulesOf('get').filter(([attribute]) => attribute !== 'tags');
  const known = new Set([
    ...Object.keys(attributes).filter(name => !attributes[name]!.hidden),
    'revision_number',
    'created_at',
    'updated_at',
    'description',
  ]);
  const sortable = [...known, 'tenant_id'];

  const targetOf = (row: F, view = resource.view(row)): Values =>
    Object.assign({}, view, { project_id: row.projectId, tenant_id: row.projectId }, resource.target?.(row));

  /** The view as the caller may see it. */
  function show(
    row: F,
    { caller, policy }: Pick<Ask, 'caller' | 'policy'>,
    view = resource.view(row),
    target = getRules.length ? targetOf(row, view) : view,
  ): Values {
    for (const [attribute, rule] of getRules)
      if (!policy.allows(rule, caller.credentials, target)) delete view[attribute];
    return view;
  }

  const finder: Finder<F> = {
    async find({ tx, path: { id = '' }, caller }) {
      const [row] = await resource.list(tx, { all: true, projectId: caller.projectId ?? '', only: { id: [id] } });
      return row;
    },
    missing: ({ id = '' }) => new Problem('notFound', resource.missing, { id: id.slice(0, 80), type: singular }),
    target: targetOf,
    visible: resource.visible ?? ((row, caller) => row.projectId === caller.projectId),
  };

  /** A caller may create among their own; what they name is judged again with the real target. */
  const own: Finder<Values> = {
    find: async ({ caller }) => ({
      project_id: caller.projectId,
      tenant_id: caller.projectId,
      'network:project_id': caller.projectId,
      'ext_parent:project_id': caller.projectId,
      'security_group:project_id': caller.projectId,
    }),
    missing: () => new Problem('notFound', resource.missing, { id: '' }),
    target: found => found,
    visible: () => true,
  };

  async function createOne(ask: Ask, sent: unknown): Promise<F> {
    const values = ownedBy(readAttributes(attributes, sent, 'post'), ask);
    const target = {
      ...values,
      tenant_id: values['project_id'],
      ...(await resource.newTarget?.(ask.tx, values, ask.caller)),
    };
    permit(ask, `create_${singular}`, target);
    permitAttributes(ask, rulesOf('create'), target, values, attributes);
    return resource.create!(ask, values);
  }

  const list = endpoint({
    ...(resource.openList
      ? { policy: `haneul:list_${plural}`, allow: '@' }
      : { policy: `get_${singular}`, allow: allow.get }),
    route: `GET ${collection}`,
    query: anyQuery,
    replies: { 200: open({ [plural]: array(shape) }) },
    find: own,
    prepare: resource.prepareList,
    handle: async ({ tx, caller, policy, query, request }) => {
      const filters = filtersOf(query);
      const passes = makeFilter(filters, known, resource.filters ?? {});
      const only = Object.fromEntries(filters.filter(([name]) => columns.includes(name)));
      const all = seesAll(caller, policy);
      const scope = { all: all || listsAll(caller, policy), projectId: caller.projectId ?? '', only };
      const rows = await resource.list(tx, scope);
      const views = rows.flatMap(row => {
        const view = resource.view(row);
        if (all) return [show(row, { caller, policy }, view)];
        const target = targetOf(row, view);
        return policy.allows(`get_${singular}`, caller.credentials, target)
          ? [show(row, { caller, policy }, view, target)]
          : [];
      });
      const { rows: shown, links } = page(filters.length ? views.filter(passes) : views, query, request, sortable);
      const fields = asList(query['fields']).filter(Boolean);
      return {
        200: {
          [plural]: shown.map(view => chooseFields(view, fields)),
          ...(links ? { [`${plural}_links`]: links } : {}),
        },
      };
    },
  });

  const get = endpoint({
    policy: `get_${singular}`,
    allow: allow.get,
    route: `GET ${collection}/{id}`,
    query: anyQuery,
    replies: { 200: object({ [singular]: shape }) },
    find: finder,
    handle: async ({ found, caller, policy, query }) => ({
      200: { [singular]: chooseFields(show(found, { caller, policy }), asList(query['fields']).filter(Boolean)) },
    }),
  });

  const create =
    resource.create &&
    endpoint({
      policy: `create_${singular}`,
      allow: allow.create,
      route: `POST ${collection}`,
      body: bodyOf(singular, plural),
      replies: { 201: open({ [singular]: optional(shape), [plural]: optional(array(shape)) }) },
      find: own,
      handle: async ({ tx, caller, policy, request, body }) => {
        const ask = { tx, caller, policy, request };
        const sent = body as Record<string, unknown>;
        const several = sent[plural];
        if (Array.isArray(several)) {
          if (!several.length) throw new Problem('invalid', t.hTTPBadRequest, { why: 'Resources required' });
          resource.checkBulk?.(several as Values[]);
          const rows: F[] = [];
          for (const one of several) rows.push(await createOne(ask, one));
          return { 201: { [plural]: rows.map(row => show(row, ask)) } };
        }
        if (!Object.hasOwn(sent, singular)) throw new Problem('invalid', t.noBodyKey, { name: singular });
        return { 201: { [singular]: show(await createOne(ask, sent[singular]), ask) } };
      },
    });

  const update =
    resource.update &&
    endpoint({
      policy: `update_${singular}`,
      allow: allow.update,
      route: `PUT ${collection}/{id}`,
      body: bodyOf(singular, null),
      replies: { 200: object({ [singular]: shape }), 412: open({}) },
      find: finder,
      handle: async ({ tx, caller, policy, request, body, found }) => {
        const ask = { tx, caller, policy, request };
        const stale = staleRevision(request, found);
        if (stale) return stale;
        const sent = body as Record<string, unknown>;
        if (!Object.hasOwn(sent, singular)) throw new Problem('invalid', t.noBodyKey, { name: singular });
        const values = readAttributes(attributes, sent[singular], 'put');
        permitAttributes(ask, rulesOf('update'), { ...targetOf(found), ...values }, values, null);
        return { 200: { [singular]: show(await resource.update!(ask, found, values), ask) } };
      },
    });

  const remove =
    resource.remove &&
    endpoint({
      policy: `delete_${singular}`,
      allow: allow.delete,
      route: `DELETE ${collection}/{id}`,
      replies: { 204: null, 412: open({}) },
      find: finder,
      handle: async ({ tx, caller, policy, request, found }) => {
        const stale = staleRevision(request, found);
        if (stale) return stale;
        await resource.remove!({ tx, caller, policy, request }, found);
        return { 204: undefined };
      },
    });
  return [list, get, ...(create ? [create] : []), ...(update ? [update] : []), ...(remove ? [remove] : [])];
}

function bodyOf(singular: string, plural: string | null): TSchema {
  return open({ [singular]: optional(nullable(open({}))), ...(plural ? { [plural]: optional(any()) } : {}) });
}

/** Whose the new resource is. @throws Problem invalid when it is another's and the caller is no admin */
function ownedBy(values: Values, { caller, policy }: Ask): Values {
  const project = values['project_id'];
  if (project !== undefined && project !== caller.projectId && !seesAll(caller, policy))
    throw new Problem('invalid', t.otherProject);
  return { ...values, project_id: project ?? caller.projectId ?? '' };
}

/** @throws Problem forbidden */
export function permit({ policy, caller }: Pick<Ask, 'policy' | 'caller'>, rule: string, target: Values): void {
  if (!policy.allows(rule, caller.credentials, target)) throw new Problem('forbidden', t.attributeForbidden, { rule });
}

/** Judges each attribute that was sent with something else than its default, and the keys inside it. */
function permitAttributes(
  ask: Ask,
  rules: [string, string][],
  target: Values,
  values: Values,
  defaults: Attributes | null,
): void {
  for (const [name, rule] of rules) {
    if (Object.hasOwn(values, name)) {
      if (defaults && JSON.stringify(values[name]) === JSON.stringify(defaults[name]?.default)) continue;
      permit(ask, rule, target);
      continue;
    }
    // `fixed_ips:ip_address`: a key of the value, or of the items of the list; but `binding:host_id` is one name.
    const cut = name.lastIndexOf(':');
    const outer = values[name.slice(0, cut)];
    if (cut < 0 || outer === undefined || outer === null) continue;
    const items = Array.isArray(outer) ? outer : [outer];
    if (
      items.some(
        item => item !== null && typeof item === 'object' && Object.hasOwn(item as object, name.slice(cut + 1)),
      )
    )
      permit(ask, rule, target);
  }
}

/** The answer when the caller's If-Match names another revision than the present one. */
function staleRevision(request: RequestFacts, found: Found): { 412: unknown } | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || found.revision === undefined) return undefined;
  const wanted = /^revision_number=(\d{1,15})$/.exec(header.trim())?.[1];
  if (wanted === undefined) throw new Problem('invalid', t.badIfMatch, { value: header.slice(0, 80) });
  if (Number(wanted) === found.revision) return undefined;
  const message = t.revisionMismatch.say(request.language, { wanted, revision: found.revision });
  return { 412: { NeutronError: { type: 'RevisionNumberConstraintFailed', message, detail: '' } } };
}

/** Filters are judged by the resource's attributes, not by a schema. */
export const anyQuery = as<Query>(open({}));
