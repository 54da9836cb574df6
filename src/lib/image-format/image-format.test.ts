import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { headBytes, type ImageProblem, inspectImage, isDeclaredAs } from '#/lib/image-format/image-format.ts';

const mib = 1 << 20;

function qcow2(change: (head: Buffer) => void = () => {}): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write('QFI\xfb', 'latin1');
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(BigInt(mib), 24);
  head.writeUInt32BE(1, 36);
  head.writeBigUInt64BE(4096n, 40);
  head.writeUInt32BE(104, 100);
  change(head);
  return head;
}

const goodDescriptor = [
  '# Disk DescriptorFile',
  'version=1',
  'CID=12345678',
  'parentCID=ffffffff',
  'createType="streamOptimized"',
  'RW 2048 SPARSE "disk.vmdk"',
  'ddb.adapterType = "ide"',
  '',
];

function vmdk(lines: string[], sectors = 2048n): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write('KDMV');
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(sectors, 12);
  head.writeBigUInt64LE(1n, 28);
  head.writeBigUInt64LE(20n, 36);
  head.write(lines.join('\n'), 512);
  return head;
}

function replaced(from: string, ...to: string[]): Buffer {
  return vmdk(goodDescriptor.flatMap(line => (line.startsWith(from) ? to : [line])));
}

test('good headers have no problem', () => {
  deepEqual(inspectImage(qcow2(), mib), { format: 'qcow2', virtualSizeBytes: mib, problems: [], partitions: null });
  deepEqual(inspectImage(vmdk(goodDescriptor), mib), {
    format: 'vmdk',
    virtualSizeBytes: mib,
    problems: [],
    partitions: null,
  });
});

const hostile: [string, Buffer, ImageProblem[]][] = [
  ['qcow2 with a backing file', qcow2(h => h.writeBigUInt64BE(512n, 8)), ['backingFile']],
  ['qcow2 with a length of backing file only', qcow2(h => h.writeUInt32BE(11, 16)), ['backingFile']],
  ['qcow2 with a data file bit', qcow2(h => h.writeBigUInt64BE(4n, 72)), ['dataFile']],
  [
    'qcow2 with a data file name',
    qcow2(h => void (h.writeUInt32BE(0x44415441, 104), h.writeUInt32BE(5, 108))),
    ['dataFile'],
  ],
  ['qcow2 encrypted', qcow2(h => h.writeUInt32BE(2, 32)), ['encrypted']],
  ['qcow2 with an unknown feature', qcow2(h => h.writeBigUInt64BE(1n << 40n, 72)), ['unknownFeature']],
  ['qcow2 marked corrupt', qcow2(h => h.writeBigUInt64BE(2n, 72)), ['damaged']],
  ['qcow2 of 1 PiB', qcow2(h => h.writeBigUInt64BE(1n << 50n, 24)), ['absurdSize']],
  ['qcow2 of no size', qcow2(h => h.writeBigUInt64BE(0n, 24)), ['absurdSize']],
  ['qcow2 of version 4', qcow2(h => h.writeUInt32BE(4, 4)), ['unsupportedVersion']],
  ['qcow2 with odd clusters', qcow2(h => h.writeUInt32BE(40, 20)), ['damaged']],
  ['qcow2 with a table beyond its end', qcow2(h => h.writeBigUInt64BE(1n << 41n, 40)), ['truncated']],
  ['qcow2 with endless extensions', qcow2(h => h.fill(0x11, 104)), ['damaged']],
  ['qcow2 and ISO at once', qcow2(h => h.write('CD001', 0x8001)), ['ambiguous']],
  ['vmdk descriptor alone', Buffer.from(goodDescriptor.join('\n')), ['externalExtent']],
  ['vmdk without capacity', vmdk(goodDescriptor, 0n), ['externalExtent', 'damaged', 'absurdSize']],
  ['vmdk flat', replaced('RW', 'RW 2048 FLAT "/etc/passwd" 0'), ['externalExtent']],
  ['vmdk with a path', replaced('RW', 'RW 2048 SPARSE "../x.vmdk"'), ['externalExtent']],
  ['vmdk with a protocol', replaced('RW', 'RW 2048 SPARSE "nbd:x"'), ['externalExtent']],
  ['vmdk of two extents', replaced('RW', 'RW 1024 SPARSE "a"', 'RDONLY 1024 SPARSE "b"'), ['externalExtent']],
  ['vmdk of no extent', replaced('RW'), ['externalExtent']],
  ['vmdk of another type', replaced('createType', 'createType="monolithicFlat"'), ['externalExtent']],
  [
    'vmdk of two types',
    replaced('createType', 'createType="streamOptimized"', 'createType="vmfs"'),
    ['externalExtent'],
  ],
  ['vmdk with a parent', replaced('parentCID', 'parentCID=00000001'), ['backingFile']],
  ['vmdk with a parent name', replaced('CID', 'CID=1', 'parentFileNameHint="/etc/shadow"'), ['backingFile']],
  ['luks', Buffer.from(`LUKS\xba\xbe${'\0'.repeat(600)}`, 'latin1'), ['encrypted', 'unsupportedFormat']],
  ['vhdx', Buffer.from(`vhdxfile${'\0'.repeat(600)}`), ['unsupportedFormat']],
];
for (const [name, head, problems] of hostile)
  test(`refused: ${name}`, () => deepEqual(inspectImage(head, mib).problems, problems));

test('bytes of no format are raw, partitioned or not; kernels count as raw', () => {
  const disk = Buffer.alloc(4096);
  equal(inspectImage(disk, 4096).partitions, null);
  disk.writeUInt16LE(0xaa55, 510);
  disk[450] = 0x83;
  disk.writeUInt32LE(2048, 458);
  deepEqual(inspectImage(disk, 4096), { format: 'raw', virtualSizeBytes: 4096, problems: [], partitions: 'mbr' });
  disk.write('EFI PART', 512);
  equal(inspectImage(disk, 4096).partitions, 'gpt');
  const gzip = inspectImage(Buffer.from([0x1f, 0x8b, 8, 0]), 4);
  ok(isDeclaredAs(gzip, 'ari') && isDeclaredAs(gzip, 'raw') && !isDeclaredAs(gzip, 'qcow2'));
  ok(!isDeclaredAs(inspectImage(qcow2(), mib), 'raw'));
  equal(inspectImage(Buffer.alloc(0), 0).format, 'raw');
});

test('no bytes make it throw', () => {
  const seeds = [qcow2(), vmdk(goodDescriptor), Buffer.alloc(headBytes), ...hostile.map(([, head]) => head)];
  for (const start of ['conectix', 'vhdxfile', 'COWD', '# Disk DescriptorFile\n', 'QFI\xfb']) {
    const bytes = Buffer.alloc(600);
    bytes.write(start, 'latin1');
    seeds.push(bytes);
  }
  for (let round = 0; round < 3000; round += 1) {
    const noise = createHash('shake128', { outputLength: 96 }).update(`image ${round}`).digest();
    const image = Buffer.from(seeds[noise.readUInt16LE(0) % seeds.length]!);
    for (let i = 4; i < 90; i += 3) image[noise.readUInt16LE(i) % Math.min(image.length, 700)] = noise[i + 2]!;
    const cut = round % 3 === 0 ? image.subarray(0, noise.readUInt16LE(2) % (image.length + 1)) : image;
    const facts = inspectImage(cut, cut.length, cut.subarray(-512));
    ok(facts.virtualSizeBytes === null || facts.virtualSizeBytes >= 0);
  }
});
