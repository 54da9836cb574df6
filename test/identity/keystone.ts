// A client of any Identity v3 service, ours or the real one: requests as they are, answers as they come.

import { Agent, request } from 'node:http';
import { equal } from 'node:assert/strict';

// biome-ignore lint: bodies are read by the tests
export type Json = any;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Json;
}

export interface Asking {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Login {
  name: string;
  domainId: string;
  password: string;
}

export interface Keystone {
  /** Up to the `/v3`. */
  url: string;
  /** Milliseconds since 1970, as the service sees it. */
  now(): number;
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
  /** The body of an answer that must be of this status. */
  must(method: string, path: string, status: number, asking?: Asking): Promise<Json>;
  /** @param scope as in the body of a request for a token; absent: unscoped, whatever project is the default */
  logIn(who: Login, scope?: unknown): Promise<{ token: string; body: Json }>;
  close(): void;
}

export function keystoneAt(url: string, now: () => number = Date.now): Keystone {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask: Keystone['ask'] = (method, path, { token, body, headers } = {}) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : JSON.stringify(body);
      const asked = request(`${url}${path}`, {
        method,
        agent,
        headers: {
          accept: 'application/json',
          ...(token ? { 'x-auth-token': token } : {}),
          ...(bytes === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          ...headers,
        },
      });
      asked.on('error', reject);
      asked.on('response', answer => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            headers: answer.headers as Record<string, string>,
            body: parsed(Buffer.concat(chunks).toString()),
          }),
        );
      });
      asked.end(bytes);
    });
  const must: Keystone['must'] = async (method, path, status, asking) => {
    const answer = await ask(method, path, asking);
    equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    url,
    now,
    ask,
    must,
    async logIn({ name, domainId, password }, scope) {
      const identity = { methods: ['password'], password: { user: { name, password, domain: { id: domainId } } } };
      const answer = await ask('POST', '/v3/auth/tokens', {
        body: { auth: { identity, ...(scope ? { scope } : {}) } },
      });
      equal(answer.status, 201, `login of ${name}: ${JSON.stringify(answer.body)}`);
      return { token: answer.headers['x-subject-token']!, body: answer.body.token };
    },
    close: () => agent.destroy(),
  };
}

/** What is no JSON stays a text; nothing at all is undefined. */
function parsed(text: string): Json {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
