// A server's states, what may be done in which, and what users call them. Pure.
// `vmState` is where it is, `taskState` what is being done to it, `powerState` what the hypervisor last said.

export type VmState = 'building' | 'active' | 'stopped' | 'paused' | 'resized' | 'error';

export type TaskState =
  | 'scheduling'
  | 'block_device_mapping'
  | 'spawning'
  | 'powering-on'
  | 'powering-off'
  | 'rebooting'
  | 'rebooting_hard'
  | 'pausing'
  | 'unpausing'
  | 'rebuilding'
  | 'resize_prep'
  | 'resize_migrating'
  | 'resize_migrated'
  | 'resize_finish'
  | 'resize_reverting'
  | 'migrating'
  | 'image_snapshot'
  | 'image_pending_upload'
  | 'image_uploading'
  | 'deleting';

/** What is done to a server's disk, whatever its guest does; in their order. */
export const imageTasks: readonly (TaskState | null)[] = ['image_snapshot', 'image_pending_upload', 'image_uploading'];

/** What the hypervisor is to make of the guest. */
export type Power = 'running' | 'stopped' | 'paused';

export const powerStates = { unknown: 0, running: 1, paused: 3, stopped: 4, crashed: 6 } as const;

/** Where each state can lead. */
export const moves = {
  building: ['active', 'error'],
  active: ['stopped', 'paused', 'resized', 'error'],
  stopped: ['active', 'resized', 'error'],
  paused: ['active', 'stopped', 'error'],
  resized: ['active', 'stopped', 'error'],
  error: ['active', 'stopped'],
} satisfies Record<VmState, VmState[]>;

export type ServerAction =
  | 'start'
  | 'stop'
  | 'reboot'
  | 'reboot_hard'
  | 'pause'
  | 'unpause'
  | 'rebuild'
  | 'create_image'
  | 'resize'
  | 'confirm_resize'
  | 'revert_resize'
  | 'migrate'
  | 'live_migrate'
  | 'evacuate'
  | 'attach_volume'
  | 'detach_volume'
  | 'attach_interface'
  | 'detach_interface'
  | 'update_metadata'
  | 'change_tags'
  | 'change_security_group'
  | 'lock'
  | 'delete'
  | 'reset_state';

interface Allowed {
  from: VmState[] | 'any';
  /** Whether it may begin while a task is under way. */
  whileBusy: boolean;
  /** Whether a lock holds it back. */
  lockable: boolean;
}

const settled: VmState[] = ['active', 'paused', 'stopped'];

/** What may be done in which state. */
export const actions = {
  start: { from: ['stopped'], whileBusy: false, lockable: true },
  stop: { from: ['active', 'error'], whileBusy: false, lockable: true },
  reboot: { from: ['active'], whileBusy: false, lockable: true },
  reboot_hard: { from: ['active', 'stopped', 'paused', 'error'], whileBusy: false, lockable: true },
  pause: { from: ['active'], whileBusy: false, lockable: true },
  unpause: { from: ['paused'], whileBusy: false, lockable: true },
  rebuild: { from: ['active', 'stopped', 'error'], whileBusy: false, lockable: true },
  create_image: { from: settled, whileBusy: false, lockable: true },
  resize: { from: ['active', 'stopped'], whileBusy: false, lockable: true },
  confirm_resize: { from: ['resized'], whileBusy: false, lockable: true },
  revert_resize: { from: ['resized'], whileBusy: false, lockable: true },
  migrate: { from: ['active', 'stopped'], whileBusy: false, lockable: true },
  live_migrate: { from: ['active', 'paused'], whileBusy: false, lockable: true },
  evacuate: { from: ['active', 'stopped', 'error'], whileBusy: false, lockable: false },
  attach_volume: { from: settled, whileBusy: false, lockable: true },
  detach_volume: { from: settled, whileBusy: false, lockable: true },
  attach_interface: { from: settled, whileBusy: false, lockable: true },
  detach_interface: { from: settled, whileBusy: false, lockable: true },
  update_metadata: { from: [...settled, 'resized'], whileBusy: true, lockable: true },
  change_tags: { from: [...settled, 'resized'], whileBusy: true, lockable: false },
  change_security_group: { from: 'any', whileBusy: true, lockable: false },
  lock: { from: 'any', whileBusy: true, lockable: false },
  delete: { from: 'any', whileBusy: true, lockable: true },
  reset_state: { from: 'any', whileBusy: true, lockable: false },
} satisfies Record<ServerAction, Allowed>;

export interface Standing {
  vmState: VmState;
  taskState: TaskState | null;
  lockedBy: 'owner' | 'admin' | null;
}

/** Why an action may not begin now, or null. @param overLock administrators are not held back by locks */
export function obstacle(
  action: ServerAction,
  server: Standing,
  overLock: boolean,
): { what: 'lock' | 'vm_state' | 'task_state'; state: string } | null {
  const allowed: Allowed = actions[action];
  if (allowed.lockable && server.lockedBy !== null && !overLock) return { what: 'lock', state: server.lockedBy };
  if (allowed.from !== 'any' && !allowed.from.includes(server.vmState))
    return { what: 'vm_state', state: server.vmState };
  const busy = server.taskState !== null && !allowed.whileBusy;
  // A reboot may be asked for again, and a hard one cuts a soft one short.
  const again = (action === 'reboot_hard' || action === 'reboot') && server.taskState === 'rebooting';
  if (busy && !again) return { what: 'task_state', state: server.taskState! };
  return server.taskState === 'deleting' && action !== 'delete' && action !== 'reset_state' && action !== 'lock'
    ? { what: 'task_state', state: 'deleting' }
    : null;
}

const plainStatus: Record<VmState, string> = {
  building: 'BUILD',
  active: 'ACTIVE',
  stopped: 'SHUTOFF',
  paused: 'PAUSED',
  resized: 'VERIFY_RESIZE',
  error: 'ERROR',
};

const taskStatus: Partial<Record<TaskState, { status: string; in: VmState[] }>> = {
  rebooting: { status: 'REBOOT', in: ['active'] },
  rebooting_hard: { status: 'HARD_REBOOT', in: ['active', 'stopped', 'paused', 'error'] },
  rebuilding: { status: 'REBUILD', in: ['active', 'stopped', 'error'] },
  resize_prep: { status: 'RESIZE', in: ['active', 'stopped'] },
  resize_migrating: { status: 'RESIZE', in: ['active', 'stopped'] },
  resize_migrated: { status: 'RESIZE', in: ['active', 'stopped'] },
  resize_finish: { status: 'RESIZE', in: ['active', 'stopped'] },
  resize_reverting: { status: 'REVERT_RESIZE', in: ['resized'] },
  migrating: { status: 'MIGRATING', in: ['active', 'paused'] },
};

/** The one word that users see. */
export function statusOf(server: Pick<Standing, 'vmState' | 'taskState'>): string {
  const during = server.taskState ? taskStatus[server.taskState] : undefined;
  return during?.in.includes(server.vmState) ? during.status : plainStatus[server.vmState];
}

const otherStatuses: Record<string, VmState[]> = {
  REBOOT: ['active'],
  HARD_REBOOT: ['active', 'stopped', 'paused', 'error'],
  REBUILD: ['active', 'stopped', 'error'],
  RESIZE: ['active', 'stopped'],
  REVERT_RESIZE: ['resized'],
  MIGRATING: ['active', 'paused'],
};

/** States of Nova's that no server here is ever in. */
const neverHere = [
  'DELETED',
  'SOFT_DELETED',
  'PASSWORD',
  'RESCUE',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SUSPENDED',
  'UNKNOWN',
];

/** The vm states in which a status can be; empty when it never is, null when there is no such status. */
export function statesOfStatus(status: string): VmState[] | null {
  const word = status.toUpperCase();
  const plain = (Object.keys(plainStatus) as VmState[]).filter(state => plainStatus[state] === word);
  if (plain.length) return plain;
  return otherStatuses[word] ?? (neverHere.includes(word) ? [] : null);
}

/** 0 to 100, for the statuses that have progress. */
export function progressOf(status: string): number | undefined {
  if (status === 'ACTIVE') return 100;
  return ['BUILD', 'REBUILD', 'MIGRATING', 'RESIZE', 'VERIFY_RESIZE'].includes(status) ? 0 : undefined;
}

/** A name as a host name: letters, digits and hyphens (RFC 1123); a server of which nothing is left gets its id. */
export function hostnameOf(name: string, fallback: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[ _]/g, '-')
    .replaceAll(/[^A-Za-z0-9.-]/g, '')
    .toLowerCase()
    .replaceAll('.', '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replaceAll(/-+$/g, '');
  return plain === '' ? fallback : plain;
}

/** `instance-0000000a`. */
export function instanceName(seq: number): string {
  return `instance-${seq.toString(16).padStart(8, '0')}`;
}

const letters = 'abcdefghijklmnopqrstuvwxyz';

/** The first free device name after those in use: `vda` … `vdz`, `vdaa` … */
export function nextDevice(inUse: Iterable<string>, prefix = 'vd'): string {
  const taken = new Set([...inUse].map(device => device.replace(/^\/dev\//, '').replace(/^[a-z]d/, '')));
  for (const first of ['', ...letters])
    for (const last of letters) if (!taken.has(first + last)) return `${prefix}${first}${last}`;
  throw new Error('no device name is left');
}
