// Reads a JSON body within limits: size, time, depth, number of values. What it returns is plain data.

import type { IncomingMessage } from 'node:http';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

export const bodyLimits = { bytes: 1 << 20, depth: 32, values: 20_000, keys: 10_000, totalMs: 30_000 };

/**
 * The bytes of a body. @throws Problem tooLarge over the limit (the rest is not read), invalid when it is cut off or too slow
 */
export function readBody(incoming: IncomingMessage, clock: Clock, limit = bodyLimits.bytes): Promise<Buffer> {
  const announced = Number(incoming.headers['content-length'] ?? 0);
  if (announced > limit) throw new Problem('tooLarge', t.bodyTooLarge, { limit });
  if (announced === 0 && !incoming.headers['transfer-encoding']) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (problem: Problem): void => {
      timer.cancel();
      incoming.removeAllListeners('data');
      incoming.resume();
      reject(problem);
    };
    const timer = clock.after(bodyLimits.totalMs, () => fail(new Problem('invalid', t.bodyTooSlow)));
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) return fail(new Problem('tooLarge', t.bodyTooLarge, { limit }));
      chunks.push(chunk);
    });
    incoming.on('end', () => {
      timer.cancel();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
    incoming.on('error', () => fail(new Problem('invalid', t.bodyCut)));
    incoming.on('aborted', () => fail(new Problem('invalid', t.bodyCut)));
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses JSON (RFC 8259). @throws Problem invalid when it is not, is nested too deep or holds too much */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new Problem('invalid', t.notJson, { why: 'it is not UTF-8' }, { cause });
  }
  checkShape(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The engine's message quotes what stands there, which may be a secret: it does not go into the log.
    const why = (cause as Error).message.replace(/, \.{0,3}".*" is not valid JSON$/s, '').slice(0, 200);
    throw new Problem('invalid', t.notJson, { why });
  }
  if (text.includes('__proto__') || text.includes('\\u')) dropPrototypeKeys(value);
  checkNumbers(text, value);
  return value;
}

/** Depth and number of values, counted over the text before anything is built. */
function checkShape(text: string): void {
  let depth = 0;
  let values = 1;
  let keys = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === 92) at++;
      else if (code === 34) quoted = false;
    } else if (code === 34) quoted = true;
    else if (code === 123 || code === 91) {
      if (++depth > bodyLimits.depth) throw new Problem('invalid', t.bodyTooDeep, { limit: bodyLimits.depth });
    } else if (code === 125 || code === 93) depth--;
    else if (code === 44 && ++values > bodyLimits.values)
      throw new Problem('invalid', t.bodyTooMany, { limit: bodyLimits.values });
    else if (code === 58 && ++keys > bodyLimits.keys)
      throw new Problem('invalid', t.bodyTooMany, { limit: bodyLimits.keys });
  }
}

/** `1e999` parses to Infinity, which JSON cannot say again. */
function checkNumbers(text: string, value: unknown): void {
  if (!/\d[eE]\+?\d{3}|\d{300}/.test(text)) return;
  const walk = (at: unknown): void => {
    if (typeof at === 'number' && !Number.isFinite(at))
      throw new Problem('invalid', t.notJson, { why: 'a number is too large' });
    if (at !== null && typeof at === 'object') Object.values(at).forEach(walk);
  };
  walk(value);
}

function dropPrototypeKeys(value: unknown): void {
  if (value === null || typeof value !== 'object') return;
  if (Object.hasOwn(value, '__proto__')) throw new Problem('invalid', t.notJson, { why: 'a key is not allowed' });
  Object.values(value).forEach(dropPrototypeKeys);
}

/** The JSON body of a request to this endpoint. @throws Problem invalid when there is none, unsupported for other media types */
export async function jsonBody(endpoint: Endpoint, incoming: IncomingMessage, clock: Clock): Promise<unknown> {
  const type = (incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const bytes = await readBody(incoming, clock);
  if (bytes.length === 0) {
    if (endpoint.bodyOptional) return {};
    throw new Problem('invalid', t.noBody);
  }
  const wanted = endpoint.mediaTypes.length ? endpoint.mediaTypes : ['application/json'];
  if (
    type !== '' &&
    !wanted.includes(type) &&
    !(
      type.startsWith('application/') &&
      endpoint.mediaTypes.length === 0 &&
      type !== 'application/x-www-form-urlencoded' &&
      type !== 'application/xml'
    )
  )
    throw new Problem('unsupported', t.badContentType, { type: type.slice(0, 80), wanted });
  return parseJson(bytes);
}

/** The bytes, of which there must be some. @throws Problem invalid */
export function needBody(bytes: Buffer): Buffer {
  if (bytes.length === 0) throw new Problem('invalid', t.noBody);
  return bytes;
}
