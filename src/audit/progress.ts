// Nothing is stuck: what is under way is worked on, and what waits says what for. Pure.

import type { Rows } from '#/audit/rows.ts';
import { auditTexts as t } from '#/audit/texts.ts';
import type { Report } from '#/audit/violation.ts';

const volumeTransitions = ['creating', 'extending', 'retyping', 'uploading', 'deleting'];
const attachTransitions = ['attaching', 'detaching'];

export function checkStatuses(rows: Rows, report: Report): void {
  const running = new Set(rows.operations.map(operation => operation.resourceId));
  const stuck = (resource: string, id: string, status: string | null, busy: boolean): void => {
    if (!busy) report('transitional status', `${resource}/${id}`, t.stuck, { what: `${resource} ${id}`, status });
  };
  for (const { id, vmState, taskState, fault } of rows.computeServers) {
    if (vmState === 'building' || taskState !== null) stuck('server', id, taskState ?? vmState, running.has(id));
    if (vmState === 'error' && taskState === null && fault === null)
      report('transitional status', `server/${id}`, t.noFault, { what: `server ${id}` });
  }
  for (const nic of rows.computeNics)
    if (nic.plugged === 0 || nic.detaching === 1)
      stuck('port', nic.portId, nic.detaching ? 'detaching' : 'attaching', running.has(nic.serverId));
  const planned = new Set(rows.computeServers.filter(server => server.planned === 1).map(server => server.id));
  for (const { volumeId, serverId, detaching, connection } of rows.computeBlockDevices)
    if (volumeId !== null && (detaching === 1 || (connection === null && planned.has(serverId))))
      stuck('volume', volumeId, detaching ? 'detaching' : 'attaching', running.has(serverId));
  const users = Map.groupBy(rows.volumeAttachments, row => row.volumeId);
  for (const { id, status } of rows.volumes) {
    if (volumeTransitions.includes(status)) stuck('volume', id, status, running.has(id));
    if (attachTransitions.includes(status))
      stuck(
        'volume',
        id,
        status,
        // What is no server, a machine of the user's own, says when it is done, in its own time.
        (users.get(id) ?? []).some(row => row.serverId === null || running.has(row.serverId)),
      );
  }
  const leaving = new Set(rows.volumes.filter(volume => volume.status === 'deleting').map(volume => volume.id));
  for (const { id, status, volumeId } of rows.volumeSnapshots)
    if (status === 'creating' || status === 'deleting')
      stuck('snapshot', id, status, running.has(id) || (leaving.has(volumeId) && running.has(volumeId)));
  for (const { id, status } of rows.images) if (status === 'importing') stuck('image', id, status, running.has(id));
}

/** How long an operation may be overdue: a lease of a process that died runs out, and the next sweep takes it up. */
const overdueMs = 120_000;

export function checkOperations(rows: Rows, nowMs: number, report: Report): void {
  for (const operation of rows.operations) {
    const { kind, resourceId: resource, step, attempts } = operation;
    const overdue = nowMs - Math.max(operation.wakeAt, operation.leaseOwner === null ? 0 : operation.leaseUntil);
    if (overdue > overdueMs)
      report('operation', `operation/${operation.id}`, t.idleOperation, {
        kind,
        resource,
        seconds: Math.round(overdue / 1000),
      });
    else if (attempts > 0 && operation.problem === null)
      report('operation', `operation/${operation.id}`, t.namelessOperation, { kind, resource, step });
  }
}
