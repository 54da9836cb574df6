// From asking for a server until it answers on port 22 with ssh's greeting, on a real cloud, with the built guest image;
// and how much of that is ours: all but the time from the guest's power-on until its console says that ssh is up.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, logIn } from './client.ts';
import { type BenchCloud, freshCloud } from './cloud.ts';
import { type Measurement, median, seconds } from './measurement.ts';
import { realCloud } from './start-real.ts';

const servers = 5;
const patienceMs = 180_000;

interface Named {
  id: string;
  name: string;
}

interface Boot {
  totalMs: number;
  /** Until QEMU was started. */
  beforeMs: number;
  /** From QEMU's start until the guest said that ssh is up. */
  guestMs: number;
}

export const ssh: Measurement = {
  name: 'ssh',
  about: `server create → ssh answers, built guest image, ${servers} servers one by one`,
  needsRoot: true,
  async run(tell) {
    await using cloud = await freshCloud({ simulate: 0, env: realCloud });
    const client = await logIn(cloud.url, cloud.credentials);
    const image = (await client.call<{ images: Named[] }>('GET', '/image/v2/images')).images[0];
    if (!image) return 'this machine has no built guest image.';
    const networkId = await makeNetwork(client);
    const flavorRef = await makeFlavor(client);
    const boots: Boot[] = [];
    for (let at = 0; at < servers; at++)
      boots.push(await boot(cloud, client, { networkId, flavorRef, imageRef: image.id, name: `bench-${at}` }));
    const of = (part: (boot: Boot) => number): number => median(boots.map(part));
    tell({ what: 'create → ssh greeting, median', measured: seconds(of(({ totalMs }) => totalMs)) });
    tell({ what: "the guest's own boot, median", measured: seconds(of(({ guestMs }) => guestMs)) });
    const outside = of(({ totalMs, guestMs }) => totalMs - guestMs);
    tell({ what: "outside the guest's own boot, median", measured: seconds(outside) });
    tell({ what: 'of that, before QEMU starts', measured: seconds(of(({ beforeMs }) => beforeMs)) });
    return undefined;
  },
};

/** A network whose servers are reached from this machine through floating addresses. */
async function makeNetwork(client: Client): Promise<string> {
  const base = '/network/v2.0';
  const { networks } = await client.call<{ networks: Named[] }>('GET', `${base}/networks?router:external=true`);
  const { network } = await client.call<{ network: Named }>('POST', `${base}/networks`, {
    network: { name: 'bench' },
  });
  const { subnet } = await client.call<{ subnet: Named }>('POST', `${base}/subnets`, {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.77.7.0/24' },
  });
  const { router } = await client.call<{ router: Named }>('POST', `${base}/routers`, {
    router: { name: 'bench', external_gateway_info: { network_id: networks[0]!.id } },
  });
  await client.call('PUT', `${base}/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const { security_groups: groups } = await client.call<{ security_groups: Named[] }>(
    'GET',
    `${base}/security-groups?name=default&project_id=${client.projectId}`,
  );
  await client.call('POST', `${base}/security-group-rules`, {
    security_group_rule: {
      security_group_id: groups[0]!.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
    },
  });
  return network.id;
}

async function makeFlavor(client: Client): Promise<string> {
  const { flavor } = await client.call<{ flavor: Named }>('POST', '/compute/v2.1/flavors', {
    flavor: { name: 'bench', ram: 128, vcpus: 1, disk: 1 },
  });
  return flavor.id;
}

async function boot(
  cloud: BenchCloud,
  client: Client,
  { networkId, ...server }: { networkId: string; flavorRef: string; imageRef: string; name: string },
): Promise<Boot> {
  const base = '/network/v2.0';
  const { networks } = await client.call<{ networks: Named[] }>('GET', `${base}/networks?router:external=true`);
  const { port } = await client.call<{ port: Named }>('POST', `${base}/ports`, { port: { network_id: networkId } });
  const { floatingip } = await client.call<{ floatingip: { id: string; floating_ip_address: string } }>(
    'POST',
    `${base}/floatingips`,
    { floatingip: { floating_network_id: networks[0]!.id, port_id: port.id } },
  );
  const asked = Date.now();
  const { server: made } = await client.call<{ server: Named }>('POST', '/compute/v2.1/servers', {
    server: { ...server, networks: [{ port: port.id }] },
  });
  try {
    const answeredAt = async (): Promise<number> => {
      await greeting(floatingip.floating_ip_address, 22, asked + patienceMs);
      return Date.now();
    };
    const [saidUp, answered] = await Promise.all([consoleSays(cloud.data, made.id, 'ssh up'), answeredAt()]);
    const poweredOn = startedAt(made.id);
    return {
      totalMs: answered - asked,
      beforeMs: poweredOn - asked,
      guestMs: Math.min(saidUp, answered) - poweredOn,
    };
  } finally {
    await client.call('DELETE', `/compute/v2.1/servers/${made.id}`);
    await client.call('DELETE', `${base}/floatingips/${floatingip.id}`);
    await gone(client, made.id);
    await client.fetch('DELETE', `${base}/ports/${port.id}`);
  }
}

/** @returns when a guest's console first showed `text` */
async function consoleSays(data: string, serverId: string, text: string): Promise<number> {
  const until = Date.now() + patienceMs;
  let file: string | undefined;
  while (Date.now() < until) {
    file ??= globSync(join(data, 'host', '**', serverId, 'console.log'))[0];
    if (file && existsSync(file) && readFileSync(file, 'latin1').includes(text)) return Date.now();
    await pause(10);
  }
  throw new Error(`the console of ${serverId} never said “${text}”`);
}

/** Connects until something says `SSH-`. */
async function greeting(host: string, port: number, until: number): Promise<void> {
  while (Date.now() < until) {
    if (await answers(host, port)) return;
    await pause(20);
  }
  throw new Error(`${host} does not answer with ssh`);
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port });
    const end = (good: boolean): void => {
      socket.destroy();
      resolve(good);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('data', chunk => end(chunk.toString('latin1').startsWith('SSH-')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** When the QEMU of a server was started, in milliseconds since 1970 to the hundredth of a second that /proc knows. */
function startedAt(serverId: string): number {
  for (const path of globSync('/proc/[0-9]*/cmdline')) {
    try {
      const words = readFileSync(path, 'latin1').split('\0');
      if (!words[0]?.includes('qemu-system') || !words.some(word => word.includes(serverId))) continue;
      const stat = readFileSync(join(path, '../stat'), 'latin1');
      const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
      const bootedAt = Date.now() - Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000;
      return bootedAt + ticks * 10;
    } catch {
      // It ended while it was looked at.
    }
  }
  throw new Error(`no QEMU runs for ${serverId}`);
}

async function gone(client: Client, serverId: string): Promise<void> {
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    const reply = await client.fetch('GET', `/compute/v2.1/servers/${serverId}`);
    await reply.arrayBuffer();
    if (reply.status === 404) return;
    await pause(100);
  }
  throw new Error(`server ${serverId} is not gone`);
}
