// Writers that never retry: every request that gets no good answer is counted. They keep their connections, and also make
// new ones, as clients do.

import { Agent, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint: bodies are asserted by the test that reads them
  body: any;
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

export interface WriteLoad {
  /** Acknowledged writes so far. */
  writes(): number;
  /** Ends the load. Networks that were acknowledged and not deleted, by id; what failed, in words; the longest wait. */
  stop(): Promise<{ kept: string[]; failures: string[]; longestMs: number; writes: number }>;
}

/** The administrator's requests on a cloud. @param keepAlive on kept connections, or each on one of its own */
export async function askAs(data: string, url: string, keepAlive: boolean): Promise<Ask> {
  const { username, password, project } = JSON.parse(readFileSync(join(data, 'run', 'credentials.json'), 'utf8'));
  const agent = new Agent({ keepAlive, maxSockets: 16 });
  let token = '';
  const ask: Ask = (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : body instanceof Buffer ? body : JSON.stringify(body);
      const headers = {
        'x-auth-token': token,
        'openstack-api-version': 'compute 2.79',
        'content-type': body instanceof Buffer ? 'application/octet-stream' : 'application/json',
        'content-length': Buffer.byteLength(text),
      };
      const asked = request(`${url}${path}`, { agent, method, headers }, answer => {
        let said = '';
        answer.on('data', (chunk: Buffer) => (said += chunk.toString()));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, body: said ? JSON.parse(said) : undefined }),
        );
      });
      asked.on('error', reject);
      asked.end(text);
    });
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: username, password, domain } } };
  const { headers } = await ask('POST', '/identity/v3/auth/tokens', {
    auth: { identity, scope: { project: { name: project, domain } } },
  });
  token = String(headers['x-subject-token']);
  return ask;
}

/** Begins to make networks and to delete every other one. */
export async function writeLoad(data: string, url: string): Promise<WriteLoad> {
  const kept = new Set<string>();
  const failures: string[] = [];
  let writes = 0;
  let longestMs = 0;
  let over = false;
  const writer = async (ask: Ask, name: string): Promise<void> => {
    for (let turn = 0; !over; turn++) {
      const started = performance.now();
      const expect = async (wanted: number, ...asked: Parameters<Ask>): Promise<Answer | undefined> => {
        const answer = await ask(...asked).catch((error: unknown) => String(error));
        if (typeof answer !== 'string' && answer.status === wanted) return writes++, answer;
        const what = typeof answer === 'string' ? answer : JSON.stringify(answer);
        failures.push(`${asked[0]} ${asked[1]}: ${what.slice(0, 300)}`);
        return undefined;
      };
      const made = await expect(201, 'POST', '/network/v2.0/networks', { network: { name: `${name}-${turn}` } });
      const id = made?.body.network.id as string | undefined;
      if (id && turn % 10 === 0) kept.add(id);
      else if (id) await expect(204, 'DELETE', `/network/v2.0/networks/${id}`);
      longestMs = Math.max(longestMs, performance.now() - started);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const [keeping, fresh] = [await askAs(data, url, true), await askAs(data, url, false)];
  await keeping('PUT', `/network/v2.0/quotas/${await projectOf(keeping)}`, { quota: { network: -1 } });
  // Only root can have the kernel keep those who connect at the very moment of a hand-over.
  const connecting = process.getuid!() === 0 ? fresh : keeping;
  const writers = [0, 1, 2, 3, 4, 5].map(at => writer(at % 2 ? connecting : keeping, `writer-${at}`));
  return {
    writes: () => writes,
    async stop() {
      over = true;
      await Promise.all(writers);
      return { kept: [...kept], failures, longestMs, writes };
    },
  };
}

async function projectOf(ask: Ask): Promise<string> {
  const { body } = await ask('GET', '/identity/v3/auth/projects');
  return body.projects.find((project: { name: string }) => project.name === 'admin').id;
}
