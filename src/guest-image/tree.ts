// A directory tree in memory: what a file system or an initramfs of the guest will hold. Order and times do not
// depend on the machine that builds it.

export type Node = { mode: number; uid?: number; gid?: number } & (
  | { kind: 'folder' }
  | { kind: 'link'; target: string }
  | { kind: 'file'; content: Buffer }
);

/** Absolute path → what is there. Parents are made on the way. */
export class Tree {
  #nodes = new Map<string, Node>();

  folder(path: string, mode = 0o755, owner: { uid?: number; gid?: number } = {}): void {
    this.#put(path, { kind: 'folder', mode, ...owner });
  }
  file(path: string, content: Buffer | string, mode = 0o644): void {
    this.#put(path, { kind: 'file', content: Buffer.from(content), mode });
  }
  link(path: string, target: string): void {
    this.#put(path, { kind: 'link', target, mode: 0o777 });
  }
  has(path: string): boolean {
    return this.#nodes.has(path);
  }
  /** Parents before children, otherwise by name. */
  entries(): [string, Node][] {
    return [...this.#nodes].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #put(path: string, node: Node): void {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && !this.#nodes.has(parent)) this.folder(parent);
    this.#nodes.set(path, node);
  }
}
