// What every answer of placement bears since 1.15, and how its queries are read.

import type { Microversion, Query, Reply } from '#/platform/http/endpoint.ts';
import { since } from '#/platform/http/endpoint.ts';
import { any, as, mapOf } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

export const anyQuery = as<Query>(mapOf(any()));
export const adminOrService = 'role:admin or role:service';

/** Adds the caching headers of 1.15. @param at a stored timestamp: when the newest thing in it changed */
export function dated(version: Microversion, at: string, reply: Reply): Reply {
  if (!since(version, '1.15')) return reply;
  const headers = { 'last-modified': new Date(`${at.slice(0, 23)}Z`).toUTCString(), 'cache-control': 'no-cache' };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

/** Every value of a parameter. */
export function valuesOf(query: Query, name: string): string[] {
  const value = query[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** The one value of a parameter. @throws Problem invalid when it is given twice */
export function valueOf(query: Query, name: string): string | undefined {
  const values = valuesOf(query, name);
  if (values.length > 1) throw badQuery(name, 'it is given more than once');
  return values[0];
}

export function badQuery(where: string, why: string): Problem {
  return new Problem('invalid', t.badQuery, { where: where.slice(0, 80), why });
}

/** @throws Problem invalid for parameters that do not exist in this version */
export function checkNames(query: Query, known: (name: string) => boolean): void {
  for (const name of Object.keys(query)) if (!known(name)) throw badQuery(name, 'there is no such parameter');
}

const uuidPattern = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

/** `VCPU:2,MEMORY_MB:512` @throws Problem invalid */
export function readResources(where: string, text: string): Record<string, number> {
  const resources: Record<string, number> = {};
  for (const part of text.split(',')) {
    const match = /^([A-Z0-9_]{1,255}):(\d{1,10})$/.exec(part.trim());
    if (!match || Number(match[2]) < 1) throw badQuery(where, `'${part.slice(0, 80)}' is not CLASS:amount`);
    resources[match[1]!] = Number(match[2]);
  }
  return resources;
}

/** What one provider must or must not be: any of the groups in `any`, none of `none`. */
export interface Membership {
  any: string[][];
  none: string[];
}

/**
 * `member_of=in:a,b`, `member_of=!in:c` (1.32), given several times since 1.24.
 * @throws Problem invalid
 */
export function readMembership(query: Query, name: string, version: Microversion): Membership {
  const values = valuesOf(query, name);
  if (values.length > 1 && !since(version, '1.24')) throw badQuery(name, 'it is given more than once');
  const asked: Membership = { any: [], none: [] };
  for (const value of values) {
    const forbidden = value.startsWith('!');
    if (forbidden && !since(version, '1.32')) throw badQuery(name, 'forbidden aggregates need version 1.32');
    const rest = forbidden ? value.slice(1) : value;
    const ids = (rest.startsWith('in:') ? rest.slice(3) : rest).split(',');
    if (!ids.every(isUuid)) throw badQuery(name, 'it needs aggregate UUIDs');
    if (!rest.startsWith('in:') && ids.length > 1) throw badQuery(name, 'several aggregates need in:');
    if (forbidden) asked.none.push(...ids);
    else asked.any.push(ids);
  }
  return asked;
}

/** `required=A,!B`, `required=in:A,C` (1.39). @throws Problem invalid */
export function readTraits(query: Query, name: string, version: Microversion): Membership {
  const values = valuesOf(query, name);
  if (values.length > 1 && !since(version, '1.39')) throw badQuery(name, 'it is given more than once');
  const asked: Membership = { any: [], none: [] };
  for (const value of values) {
    if (value.startsWith('in:')) {
      if (!since(version, '1.39')) throw badQuery(name, 'in: needs version 1.39');
      const traits = value.slice(3).split(',');
      if (traits.some(trait => trait === '' || trait.startsWith('!'))) throw badQuery(name, 'in: takes plain traits');
      asked.any.push(traits);
      continue;
    }
    for (const trait of value.split(',')) {
      if (trait === '' || trait === '!') throw badQuery(name, 'a trait is missing');
      if (!trait.startsWith('!')) asked.any.push([trait]);
      else if (since(version, '1.22')) asked.none.push(trait.slice(1));
      else throw badQuery(name, 'forbidden traits need version 1.22');
    }
  }
  if (asked.any.some(group => group.length === 1 && asked.none.includes(group[0]!)))
    throw badQuery(name, 'a trait is both required and forbidden');
  return asked;
}

/** Whether what a provider has (`own`) is as asked. */
export function fitsMembership(asked: Membership, own: readonly string[]): boolean {
  return asked.any.every(group => group.some(one => own.includes(one))) && !asked.none.some(one => own.includes(one));
}
