// Tests only: a driver inside a namespace that stands for a machine. It does what the test that forked it says.

import type { Filters, HostNetwork, NetworkDriver } from '../network-driver.ts';
import { bridgeNetwork } from './bridge-network.ts';
import { tools } from './host-trial.ts';

type Entry = Parameters<NetworkDriver['ensure']>[0];

export type Order =
  | { id: number; do: 'apply'; entries: Entry[]; filters: Filters }
  | { id: number; do: 'clear' }
  | { id: number; do: 'end' };

const [name = '', directory = '', cloud = '', tunnelAddress = ''] = process.argv.slice(2);
const driver = bridgeNetwork({ directory, cloud, guestUser: { uid: 65_534, gid: 65_534 }, tunnelAddress, tools });

/** In an order in which each finds what it needs. */
const rank = ({ key }: Entry): number => (key.startsWith('network/') ? 0 : key.startsWith('port/') ? 1 : 2);

async function obey(order: Order): Promise<void> {
  if (order.do === 'apply') {
    await driver.ensureFilters(order.filters);
    for (const entry of order.entries.toSorted((a, b) => rank(a) - rank(b))) await driver.ensure(entry);
    const wanted = new Set<string>(order.entries.map(entry => entry.key));
    for (const key of await driver.list()) if (!wanted.has(key)) await driver.remove(key);
    return;
  }
  if (order.do === 'clear') {
    await driver.ensureFilters({ networks: [], ports: [], groups: [] });
    const keys = await driver.list();
    const networks = keys.filter(key => key.startsWith('network/')) as HostNetwork['key'][];
    for (const key of [...keys.filter(each => !each.startsWith('network/')), ...networks]) await driver.remove(key);
    return;
  }
  await driver.close();
  process.disconnect?.();
}

await driver.restore();
driver.onMetadata((from, _request, response) => response.end(`${name} ${from.via} ${from.address}`));
driver.onRouterState((routerId, state) => process.send!({ id: -1, router: [routerId, state] }));
process.on('message', (order: Order) => {
  obey(order).then(
    () => process.connected && process.send!({ id: order.id }),
    (error: unknown) => process.send!({ id: order.id, failed: String(error) }),
  );
});
process.send!({ id: 0 });
