// Errors in Neutron's shape: a type that clients switch on, and a sentence.

import type { ProblemKind } from '#/platform/problem/problem.ts';
import type { WireProblem } from '#/platform/http/service.ts';

/** Sentences about the request itself, not about a resource. */
const aboutRequest = new Set([
  'unrecognized',
  'missingAttribute',
  'notAllowedInPost',
  'notAllowedInPut',
  'noBodyKey',
  'otherProject',
  'unknownFilter',
  'badIfMatch',
]);

const kinds: Record<ProblemKind | 'bug', string> = {
  invalid: 'HTTPBadRequest',
  unauthenticated: 'HTTPUnauthorized',
  forbidden: 'PolicyNotAuthorized',
  notFound: 'HTTPNotFound',
  notAcceptable: 'HTTPNotAcceptable',
  conflict: 'HTTPConflict',
  overQuota: 'OverQuota',
  tooLarge: 'HTTPRequestEntityTooLarge',
  unsupported: 'HTTPNotImplemented',
  unavailable: 'ServiceUnavailable',
  bug: 'HTTPInternalServerError',
};

export function envelope({ kind, textId, message }: WireProblem): { body: unknown } {
  return { body: { NeutronError: { type: typeOf(kind, textId), message, detail: '' } } };
}

function typeOf(kind: WireProblem['kind'], textId: string): string {
  const [area, name = ''] = textId.split('.');
  if (area !== 'network' || kind === 'forbidden' || aboutRequest.has(name)) return kinds[kind];
  return `${name[0]!.toUpperCase()}${name.slice(1)}`;
}
