// Simulated hosts in a process of their own, each with a connection to NATS under its own certificate:
// `node test/nodes/agents-process.ts COUNT URL DIRECTORY`, where the directory holds each host's PEM files.

import { join } from 'node:path';
import { neighbourhood, simulatedHost } from '#/drivers/simulated-host.ts';
import { type Agent, createAgent } from '#/host/agent.ts';
import { memoryPlanFile } from '#/host/plan-file.ts';
import { simulatedDrivers } from '#/host/simulated-host.ts';
import { natsBus } from '#/platform/bus/nats/nats-bus.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';

const [count, url, directory] = process.argv.slice(2);
const parts = { clock: systemClock(), random: systemRandom(), log: createLogger('agents', 'silent') };
const neighbours = neighbourhood();
for (let at = 1; at <= Number(count); at++) {
  const host = `host-${at}`;
  const machine = simulatedHost({ ...parts, name: host, neighbourhood: neighbours });
  const file = (ending: string): string => join(directory!, `${host}.${ending}`);
  const tls = { caFile: join(directory!, 'ca.crt'), certFile: file('crt'), keyFile: file('key') };
  let agent: Agent | undefined;
  const bus = natsBus({ servers: [url!], name: host, tls, onConnect: () => agent?.lookSoon(), ...parts });
  agent = createAgent({
    host,
    address: null,
    ...simulatedDrivers({ machine, ...parts }),
    bus,
    ...parts,
    planFile: memoryPlanFile(),
    consoleDirectory: null,
  });
  void agent.start();
}
setInterval(() => {}, 1 << 30);
