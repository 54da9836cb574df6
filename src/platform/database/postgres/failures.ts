// What PostgreSQL's errors mean for a transaction: run it again, connect again, or tell.
// Codes: PostgreSQL 15, appendix A.

export type Failure =
  /** Other transactions came between: the same work may succeed now. */
  | 'contended'
  /** What was looked up before may have changed since: one more look tells better than the constraint does. */
  | 'constraint'
  /** No connection, or one to a server that takes no writes (any more). */
  | 'lost'
  | 'other';

const contended = new Set(['40001', '40P01', '55P03']);
const constraint = new Set(['23505', '23503', '23P01']);
const lost = new Set([
  // Shutting down, crashed, starting up, idle for too long; too many connections.
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '25P03',
  '53300',
]);
const network = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
]);
// pg gives these no code.
const words = /^(Connection terminated|timeout expired|timeout exceeded|Query read timeout|Client has encountered)/;

/** @param thrown what pg, or work that uses it, threw */
export function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof Error)) return 'other';
  const { code } = thrown as { code?: unknown };
  if (typeof code === 'string') {
    if (contended.has(code)) return 'contended';
    if (constraint.has(code)) return 'constraint';
    if (lost.has(code) || network.has(code) || code.startsWith('08')) return 'lost';
  }
  if (words.test(thrown.message) || thrown instanceof Standby) return 'lost';
  if (thrown instanceof AggregateError && thrown.errors.length) return failureOf(thrown.errors[0]);
  return 'other';
}

/** The server that answers is a standby: the primary is another. */
export class Standby extends Error {
  override name = 'Standby';
}
