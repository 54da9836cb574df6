// What every simulated cloud begins with: a seeded database with projects, users, flavors and an image. Made once for each
// process and copied, because making it takes longer than many a simulation.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleCloud } from '#/cloud.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { type Config, loadConfig } from '#/platform/config/config.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { createLogger } from '#/platform/log/log.ts';
import { createServices } from '#/services.ts';
import { createDice } from '#/simulation/dice.ts';
import { simulatedPasswords } from '#/simulation/passwords.ts';
import { inject } from '#/simulation/request.ts';
import { virtualTime } from '#/simulation/virtual-time.ts';

export interface SimulatedUser {
  name: string;
  token: string;
  projectId: string;
  caller: Caller;
}

export interface Template {
  /** The bytes of the database. */
  content: Uint8Array;
  /** Keys and images. */
  directory: string;
  config: Config;
  admin: SimulatedUser;
  /** Members, one for each project. */
  members: SimulatedUser[];
  flavors: string[];
  imageId: string;
  externalNetworkId: string;
}

/** When every simulation begins. */
export const beginning = Date.UTC(2026, 0, 1);
export const publicUrl = (): string => 'http://simulated';

const projects = ['red', 'green', 'blue'];

let made: Promise<Template> | undefined;
let directory: string | undefined;

export function template(): Promise<Template> {
  if (!made) {
    // Threads that hash an image do not keep the process; somebody must.
    const stay = setInterval(() => {}, 1_000);
    made = make().finally(() => clearInterval(stay));
  }
  return made;
}

/** Takes away the files that the template has. */
export function removeTemplate(): void {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  made = directory = undefined;
}

async function make(): Promise<Template> {
  const clock = virtualTime(beginning);
  const random = createDice('template');
  const log = createLogger('simulation', 'silent');
  const slots = new Map<symbol, unknown>();
  const here = mkdtempSync(join(tmpdir(), 'haneul-simulation-'));
  directory = here;
  const file = join(here, 'template.db');
  const db = openSqlite({ file, clock, random, slots });
  const bus = memoryBus({ clock, log });
  const config = loadConfig({ overrides: {} });
  const parts = { db, bus, clock, random, log, publicUrl };
  const made = await createServices({
    ...parts,
    config,
    directory: here,
    passwords: simulatedPasswords(random),
    simulated: true,
  });
  const { services, authenticator } = made;
  const { server } = await assembleCloud({ ...parts, slots, services, authenticator });
  await made.seed({ adminPassword: 'admin-password' });
  await made.guestImage(here);

  let token = '';
  // biome-ignore lint: bodies of the program's own replies
  const ask = async (method: string, path: string, sent?: unknown): Promise<{ body: any; token: string }> => {
    const body = sent === undefined ? undefined : Buffer.from(JSON.stringify(sent));
    const headers = { 'content-type': 'application/json', ...(token && { 'x-auth-token': token }) };
    const answer = await inject(server, { method, path, headers, body });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes.toString()}`);
    const text = answer.bytes.toString();
    return { body: text ? JSON.parse(text) : null, token: String(answer.headers['x-subject-token'] ?? '') };
  };
  const login = async (name: string, password: string, project: string): Promise<SimulatedUser> => {
    const scope = { project: { name: project, domain: { id: 'default' } } };
    const identity = { methods: ['password'], password: { user: { name, password, domain: { id: 'default' } } } };
    const answer = await ask('POST', '/identity/v3/auth/tokens', { auth: { identity, scope } });
    const caller = await authenticator.authenticate(answer.token);
    return { name, token: answer.token, projectId: caller.projectId!, caller };
  };
  const admin = await login('admin', 'admin-password', 'admin');
  token = admin.token;
  const { roles } = (await ask('GET', '/identity/v3/roles')).body;
  const role = roles.find((one: { name: string }) => one.name === 'member').id;
  const members: SimulatedUser[] = [];
  for (const name of projects) {
    const { project } = (await ask('POST', '/identity/v3/projects', { project: { name, domain_id: 'default' } })).body;
    const user = { name, password: `${name}-password`, domain_id: 'default' };
    const created = (await ask('POST', '/identity/v3/users', { user })).body.user;
    await ask('PUT', `/identity/v3/projects/${project.id}/users/${created.id}/roles/${role}`);
    members.push(await login(name, `${name}-password`, name));
    token = admin.token;
  }
  const flavors: string[] = [];
  for (const [vcpus, ram, disk] of [
    [1, 256, 1],
    [2, 1024, 2],
    [4, 4096, 10],
  ]) {
    const flavor = { name: `simulated-${vcpus}`, vcpus, ram, disk };
    flavors.push((await ask('POST', '/compute/v2.1/flavors', { flavor })).body.flavor.id);
  }
  const { images } = (await ask('GET', '/image/v2/images')).body;
  const { networks } = (await ask('GET', '/network/v2.0/networks?router:external=true')).body;
  await db.close();
  const content = readFileSync(file);
  // A database in memory has no write-ahead log: bytes 18 and 19 of the header say which kind of journal there is.
  content[18] = content[19] = 1;
  return {
    content,
    directory: here,
    config,
    admin,
    members,
    flavors,
    imageId: images[0].id,
    externalNetworkId: networks[0].id,
  };
}
