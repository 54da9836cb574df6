// Networks of a Linux host: bridges, VXLAN, taps, namespaces, nftables and dnsmasq.
//
// Everything is found again on the host itself: names follow from ids, links carry an alias with the cloud's mark, and what
// is begun is noted in the driver's directory first. Killed at any point, the driver goes on from what it finds.

import { stat } from 'node:fs/promises';
import type { Timer } from '#/platform/clock/clock.ts';
import { Problem, sentenceOf } from '#/platform/problem/problem.ts';
import { ToolFailure } from '#/platform/process/run.ts';
import type { Tools } from '../../tools.ts';
import type { HostDhcp, HostRouter, NetworkDriver, NetworkEntry } from '../network-driver.ts';
import { networkDriverTexts } from '../texts.ts';
import { dhcpDirectory, ensureDhcp, metadataIpv6, removeDhcp } from './dhcp.ts';
import { servesIpv6 } from './dhcp.files.ts';
import { findServer } from './dnsmasq.ts';
import { filterKeeper } from './filters.ts';
import { ensureDirectory, hasNamespace, type Host, openHost, setKernel } from './host.ts';
import { begin, findAll, forget } from './marks.ts';
import { metadataSockets } from './metadata.ts';
import { checkedCloud, dhcpLinkOf, dhcpPortOf, type HostKey, namespaceOf, partsOf, routerLinkOf } from './names.ts';
import { ensureNetwork, removeNetwork } from './networks.ts';
import { ensurePort, portCounters, removePort } from './ports.ts';
import { routerMetadataPort } from './router.nft.ts';
import { ensureRouter, removeRouter } from './routers.ts';
import { findVrrp, type HaState, stateOf } from './vrrp.ts';

export interface BridgeNetworkOptions {
  /** The driver's own directory. dnsmasq reads in it as an unprivileged user, so all above it must let others pass. */
  directory: string;
  /** Six hexadecimal digits, unique among the clouds of a machine; part of the names of what is made. */
  cloud: string;
  /** Who opens the taps. */
  guestUser: { uid: number; gid: number };
  /** This host's end of VXLAN tunnels; null where there are no other hosts. */
  tunnelAddress: string | null;
  /** The interface through which external networks leave; null where the host itself is their way out. */
  externalInterface?: string | null;
  tools: Tools;
}

/** How long an entry that was found right is trusted while its links, namespace and process are still there. */
const trustMs = 60_000;
const watchMs = 1_000;

/** @throws Problem invalid for a cloud mark that is not six hexadecimal digits */
export function bridgeNetwork(options: BridgeNetworkOptions): NetworkDriver {
  const { tools, guestUser, tunnelAddress, externalInterface = null } = options;
  const cloud = checkedCloud(options.cloud);
  const host: Host = openHost(tools, options.directory, cloud);
  const filters = filterKeeper(host);
  const metadata = metadataSockets(tools);
  const inTurn = turns();
  const begun = new Set<HostKey>();
  /** Entries with a namespace that were found or made right. */
  const settled = new Map<HostKey, { text: string; at: number }>();
  /** Networks whose dnsmasq is watched. */
  const served = new Map<HostDhcp['key'], HostDhcp>();
  /** Highly available routers, and what was last told of their state. */
  const shared = new Map<HostRouter['key'], { entry: HostRouter; told: HaState | null }>();
  let routerListener: (routerId: string, state: HaState) => void = () => {};
  const listeners: ((key: NetworkEntry['key'], reason: string) => void)[] = [];
  let watch: Timer | null = null;
  let isClosed = false;

  /** Once more with a fresh look at the machine: what a tool stumbled over may have come or gone since it was read. */
  async function again(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (!(cause instanceof ToolFailure)) throw cause;
      host.forgetLinks();
      await work();
    }
  }

  async function make(entry: Parameters<NetworkDriver['ensure']>[0]): Promise<void> {
    if (isNetwork(entry)) return ensureNetwork(host, entry, tunnelAddress, externalInterface);
    if (isPort(entry)) return ensurePort(host, entry, filters.holds(entry.tap), guestUser);
    const text = JSON.stringify(entry);
    if (!(await isSettled(entry, text))) {
      settled.delete(entry.key);
      if (isDhcp(entry)) await makeDhcp(entry);
      else await makeRouter(entry);
      settled.set(entry.key, { text, at: tools.clock.monotonic() });
    }
    await listen(entry);
  }

  async function makeRouter(entry: HostRouter): Promise<void> {
    shared.delete(entry.key);
    await ensureRouter(host, entry);
    if (entry.ha) shared.set(entry.key, { entry, told: null });
  }

  async function makeDhcp(entry: HostDhcp): Promise<void> {
    served.delete(entry.key);
    if ((await ensureDhcp(host, entry)) !== null) served.set(entry.key, entry);
  }

  /** A cheap look at what may vanish: most passes find nothing to do. */
  async function isSettled(entry: HostDhcp | HostRouter, text: string): Promise<boolean> {
    const known = settled.get(entry.key);
    if (known?.text !== text || tools.clock.monotonic() - known.at > trustMs) return false;
    const { id } = partsOf(entry.key);
    if (!(await hasNamespace(namespaceOf(cloud, isDhcp(entry) ? 'dhcp' : 'router', id)))) return false;
    const links = await host.links();
    const isUp = (name: string): boolean => {
      const link = links.get(name);
      return link !== undefined && link.master !== undefined && link.flags.includes('UP');
    };
    if (!isDhcp(entry)) {
      const ports = [
        ...entry.interfaces,
        ...(entry.gateway ? [entry.gateway] : []),
        ...(entry.ha ? [entry.ha.port] : []),
      ];
      if (entry.ha && (await findVrrp(host, id)) === null) return false;
      return ports.every(port => isUp(routerLinkOf(port.portId)));
    }
    return isUp(dhcpLinkOf(id)) && (!served.has(entry.key) || (await findServer(dhcpDirectory(host, id))) !== null);
  }

  async function listen(entry: HostDhcp | HostRouter): Promise<void> {
    const { id } = partsOf(entry.key);
    if (!isDhcp(entry)) {
      const namespace = namespaceOf(cloud, 'router', id);
      return metadata.ensure(entry.key, namespace, [{ host: '0.0.0.0', port: routerMetadataPort }]);
    }
    const addresses = [{ host: '169.254.169.254', port: 80 }];
    if (servesIpv6(entry)) addresses.push({ host: `${metadataIpv6}%${dhcpPortOf(entry.portId)}`, port: 80 });
    return metadata.ensure(entry.key, namespaceOf(cloud, 'dhcp', id), addresses);
  }

  function watchServers(): void {
    if (isClosed) return;
    watch = tools.clock.after(watchMs, () => {
      const looks = [
        ...[...served.values()].map(entry => inTurn(entry.key, () => look(entry))),
        ...[...shared.values()].map(one => inTurn(one.entry.key, () => lookAtRouter(one.entry))),
      ];
      void Promise.allSettled(looks).finally(watchServers);
    });
  }

  async function look(entry: HostDhcp): Promise<void> {
    if (isClosed || served.get(entry.key) !== entry) return;
    const { id } = partsOf(entry.key);
    if (await findServer(dhcpDirectory(host, id)).catch(() => null)) return;
    const key = entry.key;
    let reason = networkDriverTexts.dhcpStopped.say('en', { key });
    settled.delete(key);
    try {
      await makeDhcp(entry);
    } catch (cause) {
      reason = networkDriverTexts.dhcpNotRestarted.say('en', { key, reason: sentenceOf(cause) });
    }
    tools.log.warn({ key, reason }, 'DHCP server stopped');
    for (const listener of listeners) listener(key, reason);
  }

  async function lookAtRouter(entry: HostRouter): Promise<void> {
    const known = shared.get(entry.key);
    if (isClosed || known?.entry !== entry) return;
    const { id } = partsOf(entry.key);
    if ((await findVrrp(host, id)) === null) {
      settled.delete(entry.key);
      await makeRouter(entry);
    }
    const state = await stateOf(host, id);
    if (state === null || state === known.told) return;
    known.told = state;
    routerListener(entry.routerId, state);
  }

  return {
    capabilities: async () => ({ tunnelAddress, externalInterface: externalInterface !== null }),
    list() {
      host.forgetLinks();
      return findAll(host);
    },
    async restore() {
      await ensureDirectory(options.directory, 0o711);
      await ensureBridgeFilter(tools);
      await filters.restore();
      for (const key of await findAll(host)) begun.add(key);
      watchServers();
    },
    ensureFilters: wanted => inTurn('filters', () => filters.ensure(wanted)),
    ensure: entry =>
      inTurn(entry.key, async () => {
        if (!begun.has(entry.key)) await begin(host, entry.key);
        begun.add(entry.key);
        await again(() => make(entry));
      }),
    remove: key =>
      inTurn(key, async () => {
        const { kind, id } = partsOf(key);
        host.forgetLinks();
        settled.delete(key);
        served.delete(key as HostDhcp['key']);
        shared.delete(key as HostRouter['key']);
        if (kind === 'dhcp' || kind === 'router') await metadata.remove(key);
        if (kind === 'network') await removeNetwork(host, id);
        else if (kind === 'port') await removePort(host, `port/${id}`, id);
        else if (kind === 'dhcp') await removeDhcp(host, id);
        else await removeRouter(host, id);
        await forget(host, key);
        begun.delete(key);
      }),
    onMetadata(handler) {
      metadata.handler = handler;
    },
    onFailure(listener) {
      listeners.push(listener);
    },
    onRouterState(listener) {
      routerListener = listener;
    },
    counters: portId => portCounters(host, portId),
    async close() {
      isClosed = true;
      watch?.cancel();
      await metadata.close();
    },
  };
}

type Entry = Parameters<NetworkDriver['ensure']>[0];
const isNetwork = (entry: Entry): entry is Extract<Entry, { key: `network/${string}` }> =>
  partsOf(entry.key).kind === 'network';
const isPort = (entry: Entry): entry is Extract<Entry, { key: `port/${string}` }> => partsOf(entry.key).kind === 'port';
const isDhcp = (entry: Entry): entry is HostDhcp => partsOf(entry.key).kind === 'dhcp';

/** One thing at a time per key, in the order of the calls. */
function turns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const next = (last.get(key) ?? Promise.resolve()).then(work, work);
    const settledNext = next
      .catch(() => {})
      .finally(() => {
        if (last.get(key) === settledNext) last.delete(key);
      });
    last.set(key, settledNext);
    return next;
  };
}

/** Makes the kernel show bridged packets to the `inet` chains. @throws Problem unsupported where it cannot */
async function ensureBridgeFilter(tools: Tools): Promise<void> {
  const directory = '/proc/sys/net/bridge';
  if (!(await stat(directory).catch(() => null)))
    await tools.run(['modprobe', 'br_netfilter']).catch(cause => {
      throw new Problem('unsupported', networkDriverTexts.noBridgeFilter, {}, { cause });
    });
  for (const family of ['iptables', 'ip6tables']) await setKernel(`net/bridge/bridge-nf-call-${family}`, '1');
  // Tagged packets would be shown without their tags; the filters drop them instead.
  await setKernel('net/bridge/bridge-nf-filter-vlan-tagged', '0');
}
