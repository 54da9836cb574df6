// What the users of a simulation know: what they made and took away, and what they were never told.

import { collect, type Violation } from '#/audit/violation.ts';
import type { SimulatedCloud } from '#/simulation/cloud.ts';
import { createCoverage, type Coverage } from '#/simulation/coverage.ts';
import type { Kind } from '#/simulation/kinds.ts';
import { createSessions, type Sessions } from '#/simulation/sessions.ts';
import type { SimulatedUser } from '#/simulation/template.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';

export interface Thing {
  kind: Kind;
  id: string;
  /** Where it is read and deleted. */
  path: string;
  owner: SimulatedUser;
  /** `unknown`: something was asked of it whose answer never came, or it goes with something else. */
  state: 'live' | 'gone' | 'unknown';
}

export interface Told {
  /** 0: no answer came. */
  status: number;
  headers: Record<string, unknown>;
  // biome-ignore lint: bodies are whatever the API answers
  body: any;
}

export interface Model extends Sessions {
  readonly things: Thing[];
  /** Requests that were made. */
  readonly asked: number;
  /** Violations met in answers. */
  readonly met: Violation[];
  /** Which endpoints were called. */
  readonly coverage: Coverage;
  ask(user: SimulatedUser, method: string, path: string, sent?: unknown, headers?: Headers): Promise<Told>;
  /** What a user has of a kind, as far as is known. */
  of(user: SimulatedUser, kind: Kind): Thing[];
  add(owner: SimulatedUser, kind: Kind, id: string, path: string): Thing;
  /** Deletes it, and remembers what that means. */
  remove(thing: Thing): Promise<Told>;
  /** Compares with what the cloud says now. */
  check(): Promise<Violation[]>;
  /** Names that a request was sent for whose answer never came: where they are listed, and what they are called. */
  unanswered(user: SimulatedUser, list: string, name: string): void;
}

type Headers = Record<string, string>;

export function createModel(cloud: SimulatedCloud): Model {
  const things: Thing[] = [];
  const open: { user: SimulatedUser; list: string; name: string }[] = [];
  const { found: met, report } = collect();
  const coverage = createCoverage(() => cloud.nodes.find(node => node.cloud)?.cloud?.services);
  let asked = 0;

  async function ask(user: SimulatedUser, method: string, path: string, sent?: unknown, more?: Headers): Promise<Told> {
    asked++;
    const raw = Buffer.isBuffer(sent);
    const headers = {
      'content-type': raw ? 'application/octet-stream' : method === 'PATCH' ? patchType(path) : 'application/json',
      ...microversions[path.split('/', 2)[1]!],
      ...more,
    };
    const body = raw ? sent : sent === undefined ? undefined : Buffer.from(JSON.stringify(sent));
    const answer = await cloud.ask(user, { method, path, headers, body });
    coverage.saw(method, path, headers, raw ? undefined : sent, answer?.status ?? 0);
    if (!answer) return { status: 0, headers: {}, body: null };
    const text = answer.bytes.toString();
    const { status } = answer;
    // 503 says that the database or a host is not in reach; any other 5xx is a bug.
    if (status >= 500 && status !== 503) report('operation', path, t.bug, { method, path, status, body: text });
    const json = String(answer.headers['content-type'] ?? '').includes('json') && text !== '';
    return { status, headers: answer.headers, body: json ? JSON.parse(text) : text };
  }
  const sessions = createSessions({ ask, now: () => cloud.time.now() });

  return {
    things,
    get asked() {
      return asked;
    },
    met,
    coverage,
    ask,
    ...sessions,
    of: (user, kind) => things.filter(one => one.kind === kind && one.owner === user && one.state !== 'gone'),
    add(owner, kind, id, path) {
      const thing: Thing = { kind, id, path, owner, state: 'live' };
      things.push(thing);
      return thing;
    },
    async remove(thing) {
      const before = thing.state;
      thing.state = 'unknown';
      const told = await ask(thing.owner, 'DELETE', thing.path);
      if (told.status === 202 || told.status === 204 || told.status === 404) thing.state = 'gone';
      else if (told.status >= 400 && told.status < 500) thing.state = before;
      return told;
    },
    unanswered: (user, list, name) => void open.push({ user, list, name }),
    async check() {
      const { found, report: tell } = collect();
      for (const { owner, path, state } of things) {
        if (state === 'unknown') continue;
        const { status } = await ask(owner, 'GET', path);
        if (state === 'live' && status !== 200) tell('owner', path, t.lostWrite, { path, status });
        if (state === 'gone' && status !== 404) tell('owner', path, t.notDeleted, { path, status });
      }
      for (const { user, list, name } of open.splice(0)) {
        const { body } = await ask(user, 'GET', list);
        const rows = Object.values(body ?? {}).find(value => Array.isArray(value)) as { id: string; name: string }[];
        const count = rows?.filter(row => row.name === name).length ?? 0;
        if (count > 1) tell('owner', list, t.madeTwice, { name, count });
      }
      return [...found, ...(await sessions.checkSessions())];
    },
  };
}

/** The newest, unless a request says otherwise. */
const microversions: Record<string, Headers> = {
  compute: { 'openstack-api-version': 'compute 2.90' },
  volume: { 'openstack-api-version': 'volume 3.60' },
};

function patchType(path: string): string {
  return path.startsWith('/image') ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
}
