// The bus on a stream: one JSON document per line, bounded.

import type { Facts, ProblemKind } from '#/platform/problem/problem.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Json } from './bus.ts';
import { busTexts } from './texts.ts';

/** A thrown Problem on its way, or a bug (`bug`), or why nothing answered (`none`). */
export type WireError =
  | { kind: ProblemKind; id: string; en: string; ko: string; facts: Facts }
  | { bug: string }
  | { none: 'noResponder' | 'disconnected' };

export type Frame =
  | { t: 'sub' | 'unsub' | 'serve' | 'unserve'; s: string }
  | { t: 'pub'; s: string; m: Json }
  | { t: 'req'; id: number; s: string; m: Json }
  | { t: 'cancel'; id: number }
  | { t: 'res'; id: number; m: Json }
  | { t: 'res'; id: number; e: WireError };

/** The largest frame, in bytes. */
export const frameLimit = 16 << 20;

/** Room that a hub may need for its own, longer request number. */
const slack = 64;

/** A frame as a line, unchecked: for those that came in checked. */
export function toLine(frame: Frame): Buffer {
  return Buffer.from(`${JSON.stringify(frame)}\n`);
}

/** @throws Problem tooLarge */
export function encodeFrame(frame: Frame): Buffer {
  const line = toLine(frame);
  if (line.length > frameLimit - slack) {
    const subject = 's' in frame ? frame.s : `answer ${frame.id}`;
    throw new Problem('tooLarge', busTexts.tooLarge, { subject, bytes: line.length, limit: frameLimit - slack });
  }
  return line;
}

/** Cuts a stream into frames. `receive` throws on anything that is none; the connection is then of no more use. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let length = 0;
  return chunk => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end);
      if (length + tail.length > frameLimit) throw new RangeError('frame too large');
      const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
      parts = [];
      length = 0;
      start = end + 1;
      onFrame(checkFrame(JSON.parse(line.toString())));
    }
    if (start < chunk.length) {
      const rest = chunk.subarray(start);
      length += rest.length;
      if (length > frameLimit) throw new RangeError('frame too large');
      parts.push(rest);
    }
  };
}

function checkFrame(value: unknown): Frame {
  if (typeof value !== 'object' || value === null) throw new TypeError('not a frame');
  const { t, s, id } = value as Record<string, unknown>;
  const named = typeof s === 'string' && isSubject(s);
  const numbered = Number.isSafeInteger(id);
  const good =
    t === 'res' || t === 'cancel'
      ? numbered
      : t === 'req'
        ? numbered && named
        : t === 'pub' || t === 'sub' || t === 'unsub' || t === 'serve' || t === 'unserve'
          ? named
          : false;
  if (!good) throw new TypeError('not a frame');
  return value as Frame;
}

const subjectPattern = /^[\w:-]+(\.[\w:-]+)*(\.\*)?$/;

/** Whether a text is a subject or a subscription. */
export function isSubject(text: string): boolean {
  return text.length <= 512 && subjectPattern.test(text);
}

/** The wildcard subscription that a subject falls under: `a.b` → `a.*`; null for a single token. */
export function wildcardOf(subject: string): string | null {
  const dot = subject.lastIndexOf('.');
  return dot < 0 ? null : `${subject.slice(0, dot)}.*`;
}
