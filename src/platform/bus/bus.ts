// The bus: how processes wake and command each other. It is never the truth: losing, repeating or reordering a
// message does no harm, because receivers act on state. In one process, over a unix socket, or over NATS.

import { Problem } from '#/platform/problem/problem.ts';
import { busTexts } from './texts.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/**
 * Subjects are tokens with dots between them: `host.4f1c.plan-changed`. A subscription is exact, or ends in `.*`,
 * which stands for exactly one token.
 */
export interface Bus {
  /**
   * Fire and forget; may be lost, repeated, reordered.
   * @throws Problem tooLarge over 16 MiB
   */
  publish(subject: string, message: Json): void;
  /** @returns what ends the subscription. A handler that throws is logged and changes nothing. */
  subscribe(subject: string, handler: (message: Json, subject: string) => void): () => void;
  /**
   * One answer. Default time: 30,000 ms.
   * @throws BusTimeout when nobody serves the subject or no answer comes in time (the work may have been done)
   * @throws BusRemoteError when the server has a bug
   * @throws Problem the one that the server threw
   */
  request(subject: string, message: Json, options?: { timeoutMs?: number }): Promise<Json>;
  /**
   * Answers requests on a subject, or on all that fall under `.*`; several servers of one subject take turns. A Problem
   * thrown travels as its kind, text id, sentences and facts, and is a Problem again at the caller.
   */
  serve(subject: string, handler: (message: Json, subject: string) => Promise<Json>): () => void;
  /** Whether others are in reach; absent where they always are. */
  inReach?(): boolean;
  /** Ends everything; open requests fail with BusTimeout. */
  close(): Promise<void>;
}

export type BusFailure = 'timeout' | 'noResponder' | 'disconnected' | 'closed';

/** No answer came. As a Problem it is `unavailable`. */
export class BusTimeout extends Problem {
  override name = 'BusTimeout';
  readonly failure: BusFailure;
  constructor(failure: BusFailure, subject: string, timeoutMs: number) {
    super('unavailable', busTexts[failure], { subject, timeoutMs });
    this.failure = failure;
  }
}

/** The server of a request threw something that is no Problem: a bug there. Its details are in its own log. */
export class BusRemoteError extends Error {
  override name = 'BusRemoteError';
  readonly subject: string;
  constructor(subject: string, message: string) {
    super(`${subject}: ${message}`);
    this.subject = subject;
  }
}
