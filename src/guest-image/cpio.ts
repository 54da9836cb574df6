// Initramfs archives: cpio, "newc" flavour. Format: Linux's Documentation/driver-api/early-userspace/buffer-format.rst.

import { gzipSync } from 'node:zlib';
import type { Node, Tree } from '#/guest-image/tree.ts';

const kinds = { folder: 0o040000, link: 0o120000, file: 0o100000 };

/** The tree as a compressed initramfs; all belongs to root. */
export function packInitramfs(tree: Tree, seconds: number): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  const add = (name: string, mode: number, content: Buffer): void => {
    const numbers = [inode++, mode, 0, 0, 1, seconds, content.length, 0, 0, 0, 0, name.length + 1, 0];
    const header = `070701${numbers.map(n => n.toString(16).padStart(8, '0')).join('')}${name}\0`;
    parts.push(padded(Buffer.from(header)), padded(content));
  };
  for (const [path, node] of tree.entries()) add(path.slice(1), kinds[node.kind] | node.mode, contentOf(node));
  add('TRAILER!!!', 0, Buffer.alloc(0));
  return gzipSync(Buffer.concat(parts), { level: 9 });
}

function contentOf(node: Node): Buffer {
  if (node.kind === 'file') return node.content;
  return Buffer.from(node.kind === 'link' ? node.target : '');
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
