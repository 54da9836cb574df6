// The servers, the disks that hang on them, and the order of their interfaces.

import type { Generated } from 'kysely';
import { now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';
import type { Power, TaskState, VmState } from '#/services/compute/servers/server.rules.ts';
import { t } from '#/services/compute/texts.ts';

/** What a flavor was when the server was made of it. */
export interface ServerFlavor {
  id: string;
  name: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  ephemeralGib: number;
  swapMib: number;
  extraSpecs: Record<string, string>;
}

/** What the image was then; without one (boot from volume), what the volume says of its own. */
export interface ServerImage {
  name: string;
  properties: Record<string, string>;
  minDiskGib: number;
  minRamMib: number;
}

export interface Fault {
  code: number;
  created: string;
  /** A stored problem, which can be said in every language. */
  problem: string;
}

interface ServerColumns {
  seq: Generated<number>;
  id: string;
  projectId: string;
  userId: string;
  name: string;
  hostname: string;
  description: string | null;
  reservationId: string;
  launchIndex: number;
  keyName: string | null;
  /** JSON `{ name, type, publicKey }`, as it was when the server was made. */
  keyData: string | null;
  flavor: string;
  vcpus: number;
  memoryMib: number;
  imageId: string | null;
  image: string;
  vmState: VmState;
  taskState: TaskState | null;
  powerState: number;
  lockedBy: 'owner' | 'admin' | null;
  lockedReason: string | null;
  host: string | null;
  /** The host's zone when it was chosen. */
  zone: string | null;
  /** The zone that was asked for. */
  pinnedZone: string | null;
  accessIpv4: string | null;
  accessIpv6: string | null;
  diskConfig: 'AUTO' | 'MANUAL';
  configDrive: number;
  metadata: string;
  tags: string;
  userData: string | null;
  /** Only until the guest has been started with it. */
  adminPass: string | null;
  randomSeed: string;
  files: string;
  hints: string;
  groupId: string | null;
  /** What the hypervisor is to make of it, and the count of wanted starts. */
  power: Power;
  boot: number;
  rootGeneration: number;
  /** Whether the host is to hold it. */
  planned: number;
  rootDevice: string;
  fault: string | null;
  createdAt: string;
  updatedAt: string;
  launchedAt: string | null;
}

type Stored = Omit<ServerColumns, 'seq'> & { seq: number };

export interface Server
  extends Omit<Stored, 'flavor' | 'image' | 'metadata' | 'tags' | 'fault' | 'keyData' | 'files' | 'hints'> {
  flavor: ServerFlavor;
  image: ServerImage;
  metadata: Record<string, string>;
  tags: string[];
  fault: Fault | null;
  keyData: { name: string; type: string; publicKey: string } | null;
  files: { path: string; contents: string }[];
  hints: Record<string, unknown>;
}

export interface BlockDevice {
  id: string;
  serverId: string;
  position: number;
  source: 'image' | 'volume' | 'snapshot' | 'blank';
  destination: 'local' | 'volume';
  volumeId: string | null;
  attachmentId: string | null;
  /** `/dev/vdb`. */
  device: string | null;
  bootIndex: number | null;
  sizeGib: number | null;
  guestFormat: string | null;
  tag: string | null;
  deleteOnTermination: number;
  /** The volume was made for this server. */
  madeHere: number;
  readOnly: number;
  /** JSON: where the hypervisor reaches the volume; null until it is exported. */
  connection: string | null;
  detaching: number;
}

/** What compute knows of a port: its order, and whether the guest is to have it. The rest is the network's. */
export interface Nic {
  portId: string;
  serverId: string;
  position: number;
  tag: string | null;
  plugged: number;
  detaching: number;
}

/** In the whole cloud. */
export async function countServers(tx: Tx): Promise<number> {
  const { count } = await serverTables(tx)
    .selectFrom('computeServers')
    .select(eb => eb.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

export function serverTables(tx: Tx) {
  return tx.withTables<{ computeServers: ServerColumns; computeBlockDevices: BlockDevice; computeNics: Nic }>();
}

const flavors = new Map<string, ServerFlavor>();

/** Flavors repeat: thousands of servers share a few texts. */
function readFlavor(text: string): ServerFlavor {
  let flavor = flavors.get(text);
  if (!flavor) {
    if (flavors.size > 1_000) flavors.clear();
    flavors.set(text, (flavor = JSON.parse(text) as ServerFlavor));
  }
  return flavor;
}

const images = new Map<string, ServerImage>();

function readImage(text: string): ServerImage {
  let image = images.get(text);
  if (!image) {
    if (images.size > 1_000) images.clear();
    images.set(text, (image = JSON.parse(text) as ServerImage));
  }
  return image;
}

const noItems: Record<string, string> = Object.freeze({});
const noTags: string[] = Object.freeze([]) as unknown as string[];

/** The row itself becomes the server: thousands are read for a list. */
export function toServer(row: Stored): Server {
  const server = row as unknown as Server;
  server.flavor = readFlavor(row.flavor);
  server.image = readImage(row.image);
  server.metadata = row.metadata === '{}' ? noItems : (JSON.parse(row.metadata) as Record<string, string>);
  server.tags = row.tags === '[]' ? noTags : (JSON.parse(row.tags) as string[]);
  if (row.fault !== null) server.fault = JSON.parse(row.fault) as Fault;

  if (row.keyData) server.keyData = JSON.parse(row.keyData) as Server['keyData'];
  if (row.files !== undefined) server.files = JSON.parse(row.files) as Server['files'];
  if (row.hints !== undefined) server.hints = JSON.parse(row.hints) as Server['hints'];
  return server;
}

/** What lists show; the rest of a row is long. */
export const shownColumns = [
  'seq',
  'id',
  'projectId',
  'userId',
  'name',
  'hostname',
  'description',
  'reservationId',
  'launchIndex',
  'keyName',
  'flavor',
  'imageId',
  'image',
  'vmState',
  'taskState',
  'powerState',
  'lockedBy',
  'lockedReason',
  'host',
  'zone',
  'pinnedZone',
  'accessIpv4',
  'accessIpv6',
  'diskConfig',
  'configDrive',
  'metadata',
  'tags',
  'userData',
  'rootDevice',
  'groupId',
  'fault',
  'createdAt',
  'updatedAt',
  'launchedAt',
] as const;

export type ShownServer = Pick<Server, (typeof shownColumns)[number]>;

export async function findServer(tx: Tx, id: string): Promise<Server | undefined> {
  const row = await serverTables(tx).selectFrom('computeServers').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toServer(row);
}

/** @throws Problem notFound */
export async function mustFindServer(tx: Tx, id: string): Promise<Server> {
  const server = await findServer(tx, id);
  if (!server) throw new Problem('notFound', t.serverNotFound, { id });
  return server;
}

export async function serversByIds(tx: Tx, ids: string[]): Promise<Server[]> {
  if (ids.length === 0) return [];
  return (await serverTables(tx).selectFrom('computeServers').selectAll().where('id', 'in', ids).execute()).map(
    toServer,
  );
}

/** Those that a host is to hold. @param ids of these only */
export async function plannedServers(tx: Tx, host: string, ids?: string[]): Promise<Server[]> {
  const all = serverTables(tx)
    .selectFrom('computeServers')
    .selectAll()
    .where('host', '=', host)
    .where('planned', '=', 1)
    .orderBy('seq');
  const rows = await (ids ? all.where('id', 'in', ids) : all).execute();
  return rows.map(toServer);
}

export async function insertServer(tx: Tx, server: Omit<Server, 'seq' | 'createdAt' | 'updatedAt'>): Promise<Server> {
  const row = {
    ...server,
    flavor: JSON.stringify(server.flavor),
    image: JSON.stringify(server.image),
    metadata: JSON.stringify(server.metadata),
    tags: JSON.stringify(server.tags),
    fault: server.fault && JSON.stringify(server.fault),
    keyData: server.keyData && JSON.stringify(server.keyData),
    files: JSON.stringify(server.files),
    hints: JSON.stringify(server.hints),
    createdAt: now(tx),
    updatedAt: now(tx),
  };
  await serverTables(tx).insertInto('computeServers').values(row).execute();
  return mustFindServer(tx, server.id);
}

export type ServerChange = Partial<Omit<Server, 'seq' | 'id' | 'createdAt'>>;

/** Changes a server and marks the moment. */
export async function changeServer(tx: Tx, id: string, change: ServerChange): Promise<void> {
  const { flavor, image, metadata, tags, fault, keyData, files, hints, ...plain } = change;
  await serverTables(tx)
    .updateTable('computeServers')
    .set({
      ...plain,
      ...(flavor ? { flavor: JSON.stringify(flavor) } : {}),
      ...(image ? { image: JSON.stringify(image) } : {}),
      ...(metadata ? { metadata: JSON.stringify(metadata) } : {}),
      ...(tags ? { tags: JSON.stringify(tags) } : {}),
      ...(fault === undefined ? {} : { fault: fault && JSON.stringify(fault) }),
      ...(keyData === undefined ? {} : { keyData: keyData && JSON.stringify(keyData) }),
      ...(files ? { files: JSON.stringify(files) } : {}),
      ...(hints ? { hints: JSON.stringify(hints) } : {}),
      updatedAt: now(tx),
    })
    .where('id', '=', id)
    .execute();
}

/** A problem as a server's fault. */
export function faultOf(tx: Tx, problem: Problem): Fault {
  return { code: 500, created: now(tx), problem: storeProblem(problem) };
}

/** The row, its disks and its interfaces. */
export async function deleteServerRow(tx: Tx, id: string): Promise<void> {
  await serverTables(tx).deleteFrom('computeServers').where('id', '=', id).execute();
}

export async function insertBlockDevices(tx: Tx, devices: BlockDevice[]): Promise<void> {
  if (devices.length) await serverTables(tx).insertInto('computeBlockDevices').values(devices).execute();
}

export async function blockDevicesOf(tx: Tx, serverIds: string[]): Promise<Map<string, BlockDevice[]>> {
  if (serverIds.length === 0) return new Map();
  const rows = await serverTables(tx)
    .selectFrom('computeBlockDevices')
    .selectAll()
    .where('serverId', 'in', serverIds)
    .orderBy('position')
    .execute();
  return Map.groupBy(rows, row => row.serverId);
}

export async function changeBlockDevice(tx: Tx, id: string, change: Partial<BlockDevice>): Promise<void> {
  await serverTables(tx).updateTable('computeBlockDevices').set(change).where('id', '=', id).execute();
}

export async function deleteBlockDevice(tx: Tx, id: string): Promise<void> {
  await serverTables(tx).deleteFrom('computeBlockDevices').where('id', '=', id).execute();
}

export async function insertNic(tx: Tx, nic: Nic): Promise<void> {
  await serverTables(tx).insertInto('computeNics').values(nic).execute();
}

export async function nicsOf(tx: Tx, serverIds: string[]): Promise<Map<string, Nic[]>> {
  if (serverIds.length === 0) return new Map();
  const rows = await serverTables(tx)
    .selectFrom('computeNics')
    .selectAll()
    .where('serverId', 'in', serverIds)
    .orderBy('position')
    .execute();
  return Map.groupBy(rows, row => row.serverId);
}

export async function changeNic(tx: Tx, portId: string, change: Partial<Nic>): Promise<void> {
  await serverTables(tx).updateTable('computeNics').set(change).where('portId', '=', portId).execute();
}

export async function deleteNic(tx: Tx, portId: string): Promise<void> {
  await serverTables(tx).deleteFrom('computeNics').where('portId', '=', portId).execute();
}
