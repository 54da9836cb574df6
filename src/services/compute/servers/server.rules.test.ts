import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  actions,
  hostnameOf,
  moves,
  nextDevice,
  obstacle,
  type ServerAction,
  statesOfStatus,
  statusOf,
  type TaskState,
  type VmState,
} from '#/services/compute/servers/server.rules.ts';

const states = Object.keys(moves) as VmState[];

test('every move leads to a known state, and none to itself', () => {
  for (const [from, targets] of Object.entries(moves))
    for (const to of targets) ok(states.includes(to) && to !== from, `${from} → ${to}`);
});

test('what may be done in which state', () => {
  const allowed = (action: ServerAction): VmState[] =>
    states.filter(vmState => obstacle(action, { vmState, taskState: null, lockedBy: null }, false) === null);
  const table: Record<ServerAction, VmState[]> = {
    start: ['stopped'],
    stop: ['active', 'error'],
    reboot: ['active'],
    reboot_hard: ['active', 'stopped', 'paused', 'error'],
    pause: ['active'],
    unpause: ['paused'],
    rebuild: ['active', 'stopped', 'error'],
    create_image: ['active', 'stopped', 'paused'],
    resize: ['active', 'stopped'],
    confirm_resize: ['resized'],
    revert_resize: ['resized'],
    migrate: ['active', 'stopped'],
    live_migrate: ['active', 'paused'],
    evacuate: ['active', 'stopped', 'error'],
    attach_volume: ['active', 'stopped', 'paused'],
    detach_volume: ['active', 'stopped', 'paused'],
    attach_interface: ['active', 'stopped', 'paused'],
    detach_interface: ['active', 'stopped', 'paused'],
    update_metadata: ['active', 'stopped', 'paused', 'resized'],
    change_tags: ['active', 'stopped', 'paused', 'resized'],
    change_security_group: states,
    lock: states,
    delete: states,
    reset_state: states,
  };
  for (const action of Object.keys(actions) as ServerAction[]) deepEqual(allowed(action), table[action], action);
});

test('a lock holds back its owner, and not the administrator', () => {
  const server = { vmState: 'active', taskState: null, lockedBy: 'owner' } as const;
  deepEqual(obstacle('stop', server, false), { what: 'lock', state: 'owner' });
  equal(obstacle('stop', server, true), null);
  equal(obstacle('change_tags', server, false), null);
});

test('one thing at a time, but a delete or a harder reboot', () => {
  const during = (taskState: TaskState) => ({ vmState: 'active' as const, taskState, lockedBy: null });
  deepEqual(obstacle('stop', during('rebooting'), false), { what: 'task_state', state: 'rebooting' });
  equal(obstacle('reboot_hard', during('rebooting'), false), null);
  equal(obstacle('delete', during('spawning'), false), null);
  deepEqual(obstacle('update_metadata', during('deleting'), false), { what: 'task_state', state: 'deleting' });
});

test('the word that users see, and back', () => {
  const table: [VmState, TaskState | null, string][] = [
    ['building', 'spawning', 'BUILD'],
    ['active', null, 'ACTIVE'],
    ['active', 'rebooting', 'REBOOT'],
    ['active', 'rebooting_hard', 'HARD_REBOOT'],
    ['stopped', null, 'SHUTOFF'],
    ['stopped', 'powering-on', 'SHUTOFF'],
    ['paused', null, 'PAUSED'],
    ['error', 'rebuilding', 'REBUILD'],
    ['error', null, 'ERROR'],
    ['active', 'deleting', 'ACTIVE'],
  ];
  for (const [vmState, taskState, status] of table) {
    equal(statusOf({ vmState, taskState }), status);
    ok(statesOfStatus(status.toLowerCase())!.includes(vmState));
  }
  deepEqual(statesOfStatus('SUSPENDED'), []);
  equal(statesOfStatus('FINE'), null);
});

test('names become host names', () => {
  const table: Record<string, string> = {
    'My Server_1': 'my-server-1',
    웹: 'server-x',
    'a.b': 'a-b',
    '--x--': 'x',
    ['y'.repeat(70)]: 'y'.repeat(63),
  };
  for (const [name, hostname] of Object.entries(table)) equal(hostnameOf(name, 'server-x'), hostname);
});

test('devices are named in order, past z', () => {
  equal(nextDevice([]), 'vda');
  equal(nextDevice(['/dev/vda', '/dev/sdb']), 'vdc');
  equal(nextDevice([...'abcdefghijklmnopqrstuvwxyz'].map(letter => `/dev/vd${letter}`)), 'vdaa');
});
