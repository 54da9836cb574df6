// What was begun on this host, written down before it is made, so that nothing half made is ever forgotten.

import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, listNamespaces, ensureDirectory } from './host.ts';
import { type HostKey, isHostKey, keyOfAlias, keyOfNamespace, namespaceOf, partsOf } from './names.ts';

function directoryOf(host: Host): string {
  return join(host.directory, 'begun');
}

function fileOf(host: Host, key: HostKey): string {
  const { kind, id } = partsOf(key);
  return join(directoryOf(host), `${kind}.${id}`);
}

/** Notes that an entry is about to be made. */
export async function begin(host: Host, key: HostKey): Promise<void> {
  await ensureDirectory(directoryOf(host), 0o700);
  await writeFile(fileOf(host, key), '', { mode: 0o600 });
}

/** Forgets an entry of which nothing is left. */
export async function forget(host: Host, key: HostKey): Promise<void> {
  await rm(fileOf(host, key), { force: true });
}

/** Everything of this cloud: what was begun, links with its alias, namespaces and DHCP directories with its name. */
export async function findAll(host: Host): Promise<HostKey[]> {
  const found = new Set<HostKey>();
  for (const name of await readdir(directoryOf(host)).catch(() => [])) {
    const key = name.replace('.', '/');
    if (isHostKey(key)) found.add(key);
  }
  for (const name of await readdir(join(host.directory, 'dhcp')).catch(() => [])) {
    if (isHostKey(`dhcp/${name}`)) found.add(`dhcp/${name}`);
  }
  for (const link of (await host.links()).values()) {
    const key = keyOfAlias(host.cloud, link.ifalias);
    if (key) found.add(key);
  }
  const known = new Set([...found].map(key => namespaceOfKey(host.cloud, key)));
  for (const name of await listNamespaces()) {
    const key = keyOfNamespace(host.cloud, name);
    if (key && !known.has(name)) found.add(key);
  }
  return [...found].sort();
}

function namespaceOfKey(cloud: string, key: HostKey): string | null {
  const { kind, id } = partsOf(key);
  return kind === 'dhcp' || kind === 'router' ? namespaceOf(cloud, kind, id) : null;
}
