// The documents that tell a guest who it is: OpenStack's, by version. Pure. The config drive and the metadata service
// serve the same. Formats: OpenStack Compute user guide, "Metadata".

import type { InstanceData } from './hypervisor-driver.ts';

/** Each version has what the older ones have, and more. */
export const openstackVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
] as const;

/** EC2's versions that clients ask for; all have the same tree. */
export const ec2Versions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
] as const;

/** Since when a key of meta_data.json exists; others always have. */
const keySince: Record<string, string> = {
  random_seed: '2013-04-04',
  project_id: '2015-10-15',
  devices: '2016-06-30',
  dedicated_cpus: '2020-10-14',
};

/** File name → content of one version's folder, or undefined where there is no such version. */
export function openstackDocuments(data: InstanceData, version: string): Map<string, string | Buffer> | undefined {
  const latest = version === 'latest';
  if (!latest && !openstackVersions.some(known => known === version)) return undefined;
  const has = (since: string): boolean => latest || version >= since;
  const metaData = Object.fromEntries(Object.entries(data.metaData).filter(([key]) => has(keySince[key] ?? '')));
  const documents = new Map<string, string | Buffer>([['meta_data.json', JSON.stringify(metaData)]]);
  if (data.userData !== undefined) documents.set('user_data', Buffer.from(data.userData, 'base64'));
  if (has('2013-10-17')) documents.set('vendor_data.json', JSON.stringify(data.vendorData));
  if (has('2015-10-15')) documents.set('network_data.json', JSON.stringify(data.networkData));
  if (has('2016-10-06')) documents.set('vendor_data2.json', JSON.stringify({ static: data.vendorData }));
  return documents;
}

/** Every file of the config drive: path → content. Injected files are under `openstack/content`. */
export function configDriveFiles(data: InstanceData): Map<string, string | Buffer> {
  const files = new Map<string, string | Buffer>();
  const injected = data.files.map((file, index) => ({
    path: file.path,
    content_path: `/content/${String(index).padStart(4, '0')}`,
  }));
  const metaData = injected.length ? { ...data.metaData, files: injected } : data.metaData;
  for (const version of [...openstackVersions, 'latest'])
    for (const [name, content] of openstackDocuments({ ...data, metaData }, version)!)
      files.set(`openstack/${version}/${name}`, content);
  for (const [index, file] of data.files.entries())
    files.set(`openstack${injected[index]!.content_path}`, Buffer.from(file.contents, 'base64'));
  for (const version of ['2009-04-04', 'latest']) {
    files.set(`ec2/${version}/meta-data.json`, JSON.stringify(data.ec2));
    if (data.userData !== undefined) files.set(`ec2/${version}/user-data`, Buffer.from(data.userData, 'base64'));
  }
  return files;
}
