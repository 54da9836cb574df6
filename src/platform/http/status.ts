// Where a problem becomes HTTP.

import type { ProblemKind } from '#/platform/problem/problem.ts';

export const statusOf = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  notFound: 404,
  notAcceptable: 406,
  conflict: 409,
  overQuota: 403,
  tooLarge: 413,
  unsupported: 501,
  unavailable: 503,
} satisfies Record<ProblemKind, number>;
