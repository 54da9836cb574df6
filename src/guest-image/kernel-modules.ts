// Which kernel modules go into the guest, with all that they depend on.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tree } from '#/guest-image/tree.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Run } from '#/platform/process/run.ts';
import { guestImageTexts } from '#/guest-image/texts.ts';

/** To find the root disk on any bus that we offer. */
export const diskModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix'];

/** For all else that a guest may meet. */
export const otherModules = [
  ...'sr_mod ata_generic virtio_net virtio_console virtio_rng virtio_balloon virtio_mem'.split(' '),
  ...'af_packet button evdev isofs vfat nls_cp437 nls_iso8859_1 nls_ascii nls_utf8 loop'.split(' '),
  ...'8021q sg qemu_fw_cfg macvlan veth bridge dummy tun vxlan xfs i6300esb'.split(' '),
];

export interface Modules {
  version: string;
  /** Puts the modules of these names below /usr/lib/modules, with the indexes that modprobe reads. Names that are built in are fine. */
  install(tree: Tree, names: readonly string[]): Promise<void>;
}

/** Reads the modules of the unpacked kernel. @param busybox the guest's own, which also indexes them */
export async function readModules(run: Run, unpacked: string, busybox: string): Promise<Modules> {
  const [version] = await readdir(join(unpacked, 'lib/modules'));
  if (!version) throw new Problem('unavailable', guestImageTexts.notInPackages, { name: 'a kernel' });
  const root = join(unpacked, 'lib/modules', version);
  await run([busybox, 'depmod', '-b', unpacked, version], { timeoutMs: 120_000 });
  const lines = (await readFile(join(root, 'modules.dep'), 'utf8')).trim().split('\n');
  const needs = new Map(
    lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const paths = new Map([...needs.keys()].map(path => [nameOf(path), path]));

  return {
    version,
    async install(tree, names) {
      const chosen = new Set<string>();
      for (const name of names) {
        const path = paths.get(name);
        for (const each of path ? [path, ...needs.get(path)!.split(' ')] : []) if (each) chosen.add(each);
      }
      const into = `/usr/lib/modules/${version}`;
      for (const path of chosen) tree.file(`${into}/${path}`, await readFile(join(root, path)));
      const index = lines.filter(line => chosen.has(line.slice(0, line.indexOf(':'))));
      tree.file(`${into}/modules.dep`, index.map(line => `${line}\n`).join(''));
      for (const table of ['modules.alias', 'modules.symbols']) {
        const text = await readFile(join(root, table), 'utf8');
        const kept = text.split('\n').filter(line => chosen.has(paths.get(line.trim().split(' ').at(-1)!) ?? ''));
        tree.file(`${into}/${table}`, kept.map(line => `${line}\n`).join(''));
      }
      tree.file(`${into}/modules.builtin`, await readFile(join(root, 'modules.builtin')));
    },
  };
}

/** The kernel's name of a module file: `kernel/…/virtio-blk.ko.xz` is `virtio_blk`. */
function nameOf(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\..*)?$/, '')
    .replaceAll('-', '_');
}
