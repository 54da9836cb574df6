import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { checkQcow2, checkVdi, checkVhd, checkVmdk, type Verdict } from './image-header.ts';

function qcow2(change: (head: Buffer) => void = () => {}): Buffer {
  const head = Buffer.alloc(512);
  head.writeUInt32BE(0x514649fb, 0);
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(1n << 30n, 24);
  head.writeUInt32BE(104, 100);
  change(head);
  return head;
}

const reason = (verdict: Verdict): string => (verdict.ok ? '' : verdict.reason);

test('qcow2: alone it stands', () => {
  deepEqual(checkQcow2(qcow2()), { ok: true, virtualSizeBytes: 1 << 30 });
  const wrong: [RegExp, (head: Buffer) => void][] = [
    [/no qcow2 header/, head => head.fill(0, 0, 4)],
    [/version is 4/, head => head.writeUInt32BE(4, 4)],
    [/backing file/, head => head.writeBigUInt64BE(600n, 8)],
    [/backing file/, head => head.writeUInt32BE(11, 16)],
    [/encrypted/, head => head.writeUInt32BE(2, 32)],
    [/cluster size/, head => head.writeUInt32BE(40, 20)],
    [/data file/, head => head.writeBigUInt64BE(4n, 72)],
    [/corrupt/, head => head.writeBigUInt64BE(2n, 72)],
    [/unknown features/, head => head.writeBigUInt64BE(1n << 40n, 72)],
    [/size is out of range/, head => head.writeBigUInt64BE(1n << 60n, 24)],
  ];
  for (const [expected, change] of wrong) match(reason(checkQcow2(qcow2(change))), expected);
  match(reason(checkQcow2(Buffer.alloc(3))), /no qcow2 header/);
});

function vmdk(descriptor: string, sectors = 2048n): Buffer {
  const head = Buffer.alloc(4096);
  head.write('KDMV', 0, 'latin1');
  head.writeBigUInt64LE(sectors, 12);
  head.writeBigUInt64LE(1n, 28);
  head.writeBigUInt64LE(4n, 36);
  head.write(descriptor, 512, 'latin1');
  return head;
}

test('vmdk: one extent, inside', () => {
  const good = 'createType="streamOptimized"\nRW 2048 SPARSE "a.vmdk"\n';
  deepEqual(checkVmdk(vmdk(good)), { ok: true, virtualSizeBytes: 1 << 20 });
  match(reason(checkVmdk(Buffer.from('# Disk DescriptorFile\n'.padEnd(600)))), /no sparse VMDK/);
  match(reason(checkVmdk(vmdk(good, 0n))), /size/);
  match(reason(checkVmdk(vmdk('createType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n'))), /type is monolithicFlat/);
  match(reason(checkVmdk(vmdk(`${good}RW 1 SPARSE "b"\n`))), /2 extents/);
  match(reason(checkVmdk(vmdk('createType="monolithicSparse"\nRW 1 SPARSE "/etc/shadow"\n'))), /outside/);
  match(reason(checkVmdk(vmdk('createType="monolithicSparse"\nRW 1 FLAT "a"\n'))), /outside/);
  match(reason(checkVmdk(vmdk(`${good}parentFileNameHint="/x"\n`))), /parent/);
});

test('vdi and vhd: no differences', () => {
  const vdi = Buffer.alloc(512);
  vdi.writeUInt32LE(0xbeda107f, 0x40);
  vdi.writeUInt32LE(1, 0x4c);
  vdi.writeBigUInt64LE(4096n, 0x170);
  deepEqual(checkVdi(vdi), { ok: true, virtualSizeBytes: 4096 });
  vdi.writeUInt32LE(4, 0x4c);
  equal(checkVdi(vdi).ok, false);
  const vhd = Buffer.alloc(512);
  vhd.write('conectix', 0, 'latin1');
  vhd.writeBigUInt64BE(4096n, 48);
  vhd.writeUInt32BE(3, 60);
  deepEqual(checkVhd(vhd), { ok: true, virtualSizeBytes: 4096 });
  vhd.writeUInt32BE(4, 60);
  equal(checkVhd(vhd).ok, false);
});
