// What the metadata service answers: the documents of one guest as a tree of paths. Pure.
// OpenStack's tree: /openstack/<version>/…; Amazon EC2's: /<version>/meta-data/… and /<version>/user-data.

import type { InstanceData } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { ec2Versions, openstackDocuments, openstackVersions } from '#/drivers/hypervisor/instance-data.ts';

export interface InstanceDocument {
  type: 'text' | 'json';
  body: string | Buffer;
}

type Tree = { [name: string]: unknown };

/** The answer to a path, undefined where there is none (404). Slashes at the end and doubled ones do not matter. */
export function documentAt(data: InstanceData, path: string): InstanceDocument | undefined {
  const [first, ...rest] = path.split('/').filter(Boolean);
  if (first === undefined) return listing([...ec2Versions, 'latest']);
  if (first === 'openstack') return openstackAt(data, rest);
  if (first !== 'latest' && !ec2Versions.some(version => version === first)) return undefined;
  return ec2At(data, rest);
}

function openstackAt(data: InstanceData, [version, name, ...rest]: string[]): InstanceDocument | undefined {
  if (version === undefined) return listing([...openstackVersions, 'latest']);
  const documents = openstackDocuments(data, version);
  if (!documents || rest.length) return undefined;
  if (name === undefined) return listing([...documents.keys()]);
  const body = documents.get(name);
  return body === undefined ? undefined : { type: name.endsWith('.json') ? 'json' : 'text', body };
}

function ec2At(data: InstanceData, [first, ...rest]: string[]): InstanceDocument | undefined {
  if (first === undefined) return listing(data.userData === undefined ? ['meta-data/'] : ['meta-data/', 'user-data']);
  if (first === 'user-data' && rest.length === 0)
    return data.userData === undefined ? undefined : { type: 'text', body: Buffer.from(data.userData, 'base64') };
  if (first !== 'meta-data') return undefined;
  const tree: Tree = { ...data.ec2, 'public-keys': publicKeys(data) };
  if (Object.keys(tree['public-keys'] as Tree).length === 0) delete tree['public-keys'];
  let node: unknown = tree;
  for (const name of rest) {
    if (!isTree(node) || !Object.hasOwn(node, name) || name === '_name') return undefined;
    node = node[name];
  }
  return render(node);
}

/** Key pairs by number; each is listed as `<number>=<name>`. Given as such a tree, or as name → key. */
function publicKeys(data: InstanceData): Tree {
  const given = data.ec2['public-keys'] ?? data.metaData['public_keys'];
  if (!isTree(given)) return {};
  const keys: Tree = {};
  for (const [index, [name, value]] of Object.entries(given).entries())
    keys[isTree(value) ? name : index] = isTree(value)
      ? { _name: `${name}=key${name}`, ...value }
      : { _name: `${index}=${name}`, 'openssh-key': value };
  return keys;
}

function render(node: unknown): InstanceDocument {
  if (Array.isArray(node)) return listing(node.map(wordOf));
  if (!isTree(node)) return { type: 'text', body: wordOf(node) };
  const names = Object.keys(node).filter(name => name !== '_name');
  return listing(names.sort().map(name => nameOf(name, node[name])));
}

function wordOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

/** A folder ends with a slash, but for one that has a name of its own. */
function nameOf(name: string, child: unknown): string {
  if (!isTree(child)) return name;
  return typeof child['_name'] === 'string' ? child['_name'] : `${name}/`;
}

function isTree(node: unknown): node is Tree {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

function listing(names: string[]): InstanceDocument {
  return { type: 'text', body: names.join('\n') };
}
