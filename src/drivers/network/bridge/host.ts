// The driver's hold on the machine: links, namespaces, kernel settings and the files of its own directory.

import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '#/platform/process/run.ts';
import type { Tools } from '../../tools.ts';

export interface Link {
  ifname: string;
  mtu: number;
  address: string;
  flags: string[];
  /** `default` or a number, as text. */
  group?: string;
  master?: string;
  ifalias?: string;
  linkinfo?: { info_kind?: string; info_data?: Record<string, unknown> };
  addr_info?: { family: 'inet' | 'inet6'; local: string; prefixlen: number; scope: string }[];
}

export interface Host {
  tools: Tools;
  directory: string;
  cloud: string;
  /** The links of the root namespace, by name, at most a second old. */
  links(): Promise<Map<string, Link>>;
  /** The next reading is a fresh one: for when what was read turns out to be old. */
  forgetLinks(): void;
  /** Runs `ip` commands of the root namespace, or of another, in one process. They stop at the first that fails. */
  ip(commands: string[], namespace?: string): Promise<void>;
}

const linksMaxAgeMs = 1_000;
/** More changed links than this are read again all at once. */
const fewLinks = 8;

export function openHost(tools: Tools, directory: string, cloud: string): Host {
  let read: { at: number; links: Promise<Map<string, Link>> } | null = null;
  /** Links that we have changed since. */
  const changed = new Set<string>();

  function readAll(): Promise<Map<string, Link>> {
    changed.clear();
    const links = readLinks(tools.run);
    const current = { at: tools.clock.monotonic(), links };
    read = current;
    links.catch(() => {
      if (read === current) read = null;
    });
    return links;
  }

  async function readChanged(known: Promise<Map<string, Link>>): Promise<Map<string, Link>> {
    const names = [...changed];
    changed.clear();
    const links = new Map(await known);
    for (const [index, link] of (await Promise.all(names.map(name => readLink(tools.run, name)))).entries())
      if (link) links.set(link.ifname, link);
      else links.delete(names[index]!);
    return links;
  }

  return {
    tools,
    directory,
    cloud,
    links() {
      if (!read || tools.clock.monotonic() - read.at > linksMaxAgeMs || changed.size > fewLinks) return readAll();
      if (changed.size > 0) {
        const links = readChanged(read.links);
        read = { at: read.at, links };
        links.catch(() => (read = null));
      }
      return read.links;
    },
    forgetLinks() {
      read = null;
    },
    async ip(commands, namespace) {
      if (commands.length === 0) return;
      const where = namespace === undefined ? [] : ['-n', namespace];
      try {
        await tools.run(['ip', ...where, '-batch', '-'], { input: `${commands.join('\n')}\n` });
      } finally {
        // The other end of a pair that ends in a namespace is a link of the root.
        if (namespace === undefined) for (const name of namesIn(commands)) changed.add(name);
        else if (commands.some(command => command.startsWith('link del'))) read = null;
      }
    },
  };
}

function namesIn(commands: string[]): string[] {
  return commands.flatMap(command => [...command.matchAll(/ (?:dev|name|master) (\S+)/g)].map(match => match[1]!));
}

async function readLink(run: Run, name: string): Promise<Link | null> {
  const { stdout } = await run(['ip', '-j', '-d', 'link', 'show', 'dev', name], { allow: [1] });
  return (JSON.parse(stdout || '[]') as Link[])[0] ?? null;
}

async function readLinks(run: Run): Promise<Map<string, Link>> {
  const { stdout } = await run(['ip', '-j', '-d', 'link', 'show'], { maxOutputBytes: 64 << 20 });
  return new Map((JSON.parse(stdout || '[]') as Link[]).map(link => [link.ifname, link]));
}

/** The links of a namespace with their addresses; null when there is no such namespace. */
export async function linksIn(host: Host, namespace: string): Promise<Map<string, Link> | null> {
  if (!(await hasNamespace(namespace))) return null;
  const { stdout } = await host.tools.run(['ip', '-n', namespace, '-j', 'addr', 'show']);
  return new Map((JSON.parse(stdout || '[]') as Link[]).map(link => [link.ifname, link]));
}

const namespaces = '/run/netns';
/** From linux/magic.h: the file system of namespaces. A name whose file is something else was left half made. */
const nsfsMagic = 0x6e736673;

export const namespacePath = (name: string): string => join(namespaces, name);

export async function listNamespaces(): Promise<string[]> {
  return readdir(namespaces).catch(() => []);
}

export async function hasNamespace(name: string): Promise<boolean> {
  const found = await statfs(namespacePath(name)).catch(() => null);
  return found?.type === nsfsMagic;
}

/** Makes a namespace, with its loopback up. @returns whether it was not there before */
export async function ensureNamespace(host: Host, name: string): Promise<boolean> {
  if (await hasNamespace(name)) return false;
  await rm(namespacePath(name), { force: true });
  await host.tools.run(['ip', 'netns', 'add', name]);
  await host.ip(['link set lo up'], name);
  return true;
}

export async function removeNamespace(host: Host, name: string): Promise<void> {
  if (await hasNamespace(name)) await host.tools.run(['ip', 'netns', 'delete', name]);
  await rm(namespacePath(name), { force: true });
}

/** A command to be run inside a namespace. */
export function inside(namespace: string, command: readonly string[]): [string, ...string[]] {
  return ['nsenter', `--net=${namespacePath(namespace)}`, ...command];
}

/** Kernel settings of a namespace (`net.ipv4.ip_forward` → 1). */
export async function setInside(host: Host, namespace: string, settings: Record<string, number>): Promise<void> {
  const pairs = Object.entries(settings).map(([name, value]) => `${name.replaceAll('.', '/')}=${value}`);
  await host.tools.run(inside(namespace, ['sysctl', '-q', '-w', ...pairs]));
}

/** Sets a kernel setting of the root namespace (`net/ipv4/ip_forward`), if it is not so. @returns the value before */
export async function setKernel(name: string, value: string): Promise<string> {
  const path = join('/proc/sys', name);
  const before = (await readFile(path, 'utf8')).trim();
  if (before !== value) await writeFile(path, value);
  return before;
}

export async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(cause => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  });
}

/** A directory that other users may pass through, or also read. */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode });
}
