import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceData } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { configDriveFiles } from '#/drivers/hypervisor/instance-data.ts';
import { documentAt } from './instance-documents.ts';

const data: InstanceData = {
  metaData: {
    uuid: 'u',
    hostname: 'h',
    random_seed: 's',
    project_id: 'p',
    devices: [],
    public_keys: { mine: 'ssh-ed25519 A' },
  },
  networkData: { links: [] },
  vendorData: { v: 1 },
  userData: Buffer.from('#!/bin/sh\n\xff', 'latin1').toString('base64'),
  ec2: {
    'instance-id': 'i-1',
    hostname: 'h',
    'block-device-mapping': { ami: 'vda', root: '/dev/vda' },
    placement: { 'availability-zone': 'nova' },
    'security-groups': ['a', 'b'],
  },
  files: [{ path: '/etc/x', contents: Buffer.from('X').toString('base64') }],
};

const text = (path: string, of: InstanceData = data): string | undefined =>
  documentAt(of, path)?.body.toString('latin1');

test('listings', () => {
  equal(text('/')?.split('\n').at(-1), 'latest');
  ok(text('/')?.split('\n').includes('2009-04-04'));
  deepEqual(text('/openstack')?.split('\n').slice(-2), ['2018-08-27', 'latest']);
  deepEqual(text('/openstack/2012-08-10/')?.split('\n'), ['meta_data.json', 'user_data']);
  ok(text('/openstack/latest')?.split('\n').includes('vendor_data2.json'));
  equal(text('/latest/'), 'meta-data/\nuser-data');
  equal(text('/latest', { ...data, userData: undefined }), 'meta-data/');
  deepEqual(text('/2009-04-04/meta-data/')?.split('\n'), [
    'block-device-mapping/',
    'hostname',
    'instance-id',
    'placement/',
    'public-keys/',
    'security-groups',
  ]);
});

test('every version that is listed answers with its documents', () => {
  for (const version of text('/openstack')!.split('\n')) {
    const names = text(`/openstack/${version}`)!.split('\n');
    for (const name of names) ok(text(`/openstack/${version}/${name}`) !== undefined, `${version}/${name}`);
  }
  for (const version of text('/')!.split('\n')) equal(text(`/${version}/meta-data/instance-id`), 'i-1');
});

test('older versions know fewer keys', () => {
  const keys = (version: string) => Object.keys(JSON.parse(text(`/openstack/${version}/meta_data.json`)!)).sort();
  deepEqual(keys('2012-08-10'), ['hostname', 'public_keys', 'uuid']);
  deepEqual(keys('2013-04-04'), ['hostname', 'public_keys', 'random_seed', 'uuid']);
  deepEqual(keys('2015-10-15'), ['hostname', 'project_id', 'public_keys', 'random_seed', 'uuid']);
  deepEqual(keys('latest'), ['devices', 'hostname', 'project_id', 'public_keys', 'random_seed', 'uuid']);
});

test('leaves of the EC2 tree', () => {
  const cases: [string, string | undefined][] = [
    ['/latest/meta-data/block-device-mapping', 'ami\nroot'],
    ['/latest/meta-data/block-device-mapping/root', '/dev/vda'],
    ['/latest/meta-data/security-groups', 'a\nb'],
    ['/latest/meta-data/public-keys/', '0=mine'],
    ['/latest/meta-data/public-keys/0/', 'openssh-key'],
    ['/latest/meta-data/public-keys/0/openssh-key', 'ssh-ed25519 A'],
    ['/latest/user-data', '#!/bin/sh\n\xff'],
    ['/openstack/latest/user_data', '#!/bin/sh\n\xff'],
    ['/openstack/2011-01-01/meta_data.json', undefined],
    ['/openstack/latest/nothing', undefined],
    ['/openstack/latest/meta_data.json/more', undefined],
    ['/latest/meta-data/constructor', undefined],
    ['/latest/meta-data/__proto__', undefined],
    ['/latest/meta-data/public-keys/0/_name', undefined],
    ['/latest/meta-data/hostname/more', undefined],
    ['/1999-01-01/meta-data', undefined],
    ['/latest/../openstack', undefined],
  ];
  for (const [path, expected] of cases) equal(text(path), expected, path);
  equal(documentAt(data, '/openstack/latest/meta_data.json')?.type, 'json');
  equal(documentAt(data, '/latest/meta-data/hostname')?.type, 'text');
});

test('key pairs given as EC2 gives them', () => {
  const ec2 = { 'public-keys': { '0': { _name: '0=other', 'openssh-key': 'ssh-rsa B' } } };
  equal(text('/latest/meta-data/public-keys', { ...data, ec2 }), '0=other');
  equal(text('/latest/meta-data/public-keys/0/openssh-key', { ...data, ec2 }), 'ssh-rsa B');
  equal(text('/latest/meta-data/public-keys', { ...data, metaData: {}, ec2: {} }), undefined);
});

test('no user data is no document', () => {
  const none = { ...data, userData: undefined };
  equal(text('/latest/user-data', none), undefined);
  equal(text('/openstack/latest/user_data', none), undefined);
});

test('the config drive holds the same documents, and the files', () => {
  const files = configDriveFiles(data);
  const metaData = JSON.parse(String(files.get('openstack/latest/meta_data.json')));
  deepEqual(metaData.files, [{ path: '/etc/x', content_path: '/content/0000' }]);
  equal(String(files.get('openstack/content/0000')), 'X');
  equal(String(files.get('openstack/2018-08-27/network_data.json')), '{"links":[]}');
  equal(JSON.parse(String(files.get('ec2/latest/meta-data.json')))['instance-id'], 'i-1');
  ok(!files.has('openstack/2012-08-10/network_data.json'));
  // What the metadata service says does not mention files.
  equal(JSON.parse(text('/openstack/latest/meta_data.json')!).files, undefined);
});
