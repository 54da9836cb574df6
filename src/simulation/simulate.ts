// One seed: rounds of users and faults, each followed by a rest at which everything must be right; at the end all is
// deleted, and nothing may be left.

import type { Violation } from '#/audit/invariants.ts';
import { collect } from '#/audit/violation.ts';
import type { Logger } from '#/platform/log/log.ts';
import { type Mutation, simulatedCloud, type SimulatedCloud } from '#/simulation/cloud.ts';
import type { Count } from '#/simulation/coverage.ts';
import { createFaults } from '#/simulation/faults.ts';
import { inOrderOfDeletion, type Kind, kindFacts } from '#/simulation/kinds.ts';
import { createModel, type Model } from '#/simulation/model.ts';
import { type SimulatedUser, template } from '#/simulation/template.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';
import { startWorkload } from '#/simulation/workload.ts';

export interface SimulateOptions {
  seed: number;
  /** What users do in all. */
  actions: number;
  hosts: number;
  /** Control nodes. */
  nodes?: number;
  /** Off: only users, for telling a plain bug from one that needs a fault. */
  faults?: boolean;
  /** Users do everything by turns, instead of at random: for seeing that it can be done. */
  inTurn?: boolean;
  mutation?: Mutation;
  log?: Logger;
}

export interface Simulated {
  seed: number;
  actions: number;
  requests: number;
  /** Kind → how often. */
  faults: Map<string, number>;
  violations: Violation[];
  /** Endpoint → how often it was called. */
  calls: Map<string, Count>;
  simulatedMs: number;
  /** The same seed has the same. */
  trace: string;
}

const actionsPerRound = 125;

export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { seed, actions, hosts, nodes = 3, mutation, log } = options;
  const cloud = await simulatedCloud({
    seed: `${seed}`,
    template: await template(),
    hosts,
    nodes,
    ...(mutation && { mutation }),
    ...(log && { log }),
  });
  const model = createModel(cloud);
  const faults = createFaults(cloud);
  const violations: Violation[] = [];
  let done = 0;
  for (let round = 1; done < actions && violations.length === 0; round++) {
    const total = options.inTurn ? actions : Math.min(actionsPerRound, actions - done);
    const workload = startWorkload(cloud, model, { total, tag: `${round}`, inTurn: options.inTurn });
    if (options.faults ?? true) faults.start();
    await cloud.run(workload.done, 24 * 3_600_000);
    faults.stop();
    done += workload.actions();
    violations.push(...(await cloud.rest()), ...(await during(cloud, model.check())), ...model.met);
  }
  if (violations.length === 0) violations.push(...(await removeAll(cloud, model)));
  const trace = cloud.hash();
  const simulatedMs = cloud.time.monotonic();
  for (const machine of cloud.hosts.map(host => host.machine))
    if (machine.faults.injected)
      faults.counts.set('driver', (faults.counts.get('driver') ?? 0) + machine.faults.injected);
  await cloud.close();
  return {
    seed,
    actions: done,
    requests: model.asked,
    faults: faults.counts,
    violations,
    calls: model.coverage.counts,
    simulatedMs,
    trace,
  };
}

/** Lets time pass while something is asked of the cloud. */
export async function during<T>(cloud: SimulatedCloud, asking: Promise<T>): Promise<T> {
  let over = false;
  const ended = asking.finally(() => void (over = true));
  await cloud.run(() => over, 3_600_000);
  return ended;
}

/** Owners delete all they have, also what they never got an answer about. */
export async function removeAll(cloud: SimulatedCloud, model: Model): Promise<Violation[]> {
  const { found, report } = collect();
  const { members } = cloud.template;
  const pass = async (kind: Kind, again: boolean): Promise<void> => {
    for (const user of members)
      for (const path of await pathsOf(model, user, kind)) {
        const { status, body } = await model.ask(user, 'DELETE', path);
        if (again && status >= 400 && status !== 404)
          report('owner', path, t.notDeletable, { path, status, body: JSON.stringify(body) });
      }
  };
  const unlock = async (): Promise<void> => {
    for (const user of members)
      for (const path of await pathsOf(model, user, 'server'))
        await model.ask(user, 'POST', `${path}/action`, { unlock: null });
  };
  await during(cloud, unlock());
  for (const kind of inOrderOfDeletion) {
    if (kind === 'router') await during(cloud, detachRouters(cloud, model));
    await during(cloud, pass(kind, false));
    if (kind === 'server' || kind === 'snapshot' || kind === 'volume') {
      await cloud.rest();
      await during(cloud, pass(kind, true));
    }
  }
  found.push(...(await cloud.rest()));
  await during(cloud, Promise.all(inOrderOfDeletion.map(kind => pass(kind, true))));
  found.push(...(await cloud.rest()));
  for (const { name, machine } of cloud.hosts)
    for (const key of [...machine.guests.keys(), ...machine.disks.keys()])
      report('host objects', `${name}/${key}`, t.left, { host: name, key });
  return found;
}

interface Row {
  id: string;
  project_id?: string;
  owner?: string;
  device_owner?: string;
  name: string;
}

/** What a project has of a kind, as the API lists it: the paths at which each is deleted. */
export async function pathsOf(model: Model, user: SimulatedUser, kind: Kind): Promise<string[]> {
  const { list, part, by = 'id' } = kindFacts[kind];
  const path = list.replaceAll('{project}', user.projectId);
  const { body } = await model.ask(user, 'GET', path);
  // Key pairs are listed each in an envelope of its own.
  const rows = ((body?.[part] ?? []) as (Row & { keypair?: Row })[]).map(row => row.keypair ?? row);
  return rows
    .filter(row => (row.project_id ?? row.owner ?? user.projectId) === user.projectId)
    .filter(row => !row.device_owner?.startsWith('network:') && !(kind === 'security_group' && row.name === 'default'))
    .map(row => `${path}/${by === 'name' ? row.name : row.id}`);
}

/** Routes lead through their interfaces, which cannot go while these are there. */
async function detachRouters(cloud: SimulatedCloud, model: Model): Promise<void> {
  for (const user of cloud.template.members) {
    for (const path of await pathsOf(model, user, 'router'))
      await model.ask(user, 'PUT', path, { router: { routes: [] } });
    const { body } = await model.ask(user, 'GET', '/network/v2.0/ports?device_owner=network:router_interface');
    for (const { id, device_id } of (body?.ports ?? []) as { id: string; device_id: string }[])
      await model.ask(user, 'PUT', `/network/v2.0/routers/${device_id}/remove_router_interface`, { port_id: id });
  }
}
