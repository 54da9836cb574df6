// A cloud for the matrices: one control node, two hosts, a trap at every step of every operation, and a user in it.

import type { Violation } from '#/audit/invariants.ts';
import { simulatedCloud, type SimulatedCloud } from '#/simulation/cloud.ts';
import { createModel, type Model } from '#/simulation/model.ts';
import { during } from '#/simulation/simulate.ts';
import { type SimulatedUser, template } from '#/simulation/template.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import type { Scene } from './operation-scenarios.ts';
import { type Trap, withTrap } from './points.ts';

export interface MatrixCloud {
  cloud: SimulatedCloud;
  trap: Trap;
  model: Model;
  scene: Scene;
  /** Every kind of operation that the services declare. */
  kinds: OperationKind[];
}

export async function openMatrix(seed: string): Promise<MatrixCloud> {
  const trap: Trap = {
    armed: null,
    next: null,
    kill(afterCommit) {
      const [node] = cloud.nodes;
      if (afterCommit) node!.diesNow = true;
      else node!.kill();
    },
    killAgents: () => cloud.hosts.forEach(host => host.stopAgent()),
    interfere() {},
  };
  const kinds = new Map<string, OperationKind>();
  const cloud = await simulatedCloud({
    seed,
    template: await template(),
    hosts: 2,
    nodes: 1,
    mutation: {
      services(services) {
        for (const kind of services.flatMap(service => service.operations ?? [])) kinds.set(kind.kind, kind);
        return withTrap(services, trap);
      },
    },
  });
  const model = createModel(cloud);
  return { cloud, trap, model, scene: sceneOf(cloud, model), kinds: [...kinds.values()] };
}

function sceneOf(cloud: SimulatedCloud, model: Model): Scene {
  const [user] = cloud.template.members;
  const as =
    (by: SimulatedUser): Scene['ask'] =>
    async (method, path, sent) => {
      const whole = path.replaceAll('{project}', user!.projectId);
      const { status, body } = await during(cloud, model.ask(by, method, whole, sent));
      if (status >= 300) throw new Error(`${method} ${whole}: ${status} ${JSON.stringify(body)}`);
      return body;
    };
  return {
    cloud,
    model,
    user: user!,
    ask: as(user!),
    askAdmin: as(cloud.template.admin),
    settle: async () => void (await cloud.run(() => false, 4_000)),
  };
}

export function sentences(violations: Violation[]): string[] {
  return violations.map(({ sentence }) => sentence.en);
}
