// Bindings of a server's port: the active host, and others while it moves. API: Network v2.0, "Port binding".

import { isUuid } from '#/services/network/attributes/checks.ts';
import type { Values } from '#/services/network/attributes/attribute.ts';
import { type Port, needPort, portById } from '#/services/network/ports/port.store.ts';
import {
  activateBinding,
  addBinding,
  dropBinding,
  inactiveBindings,
} from '#/services/network/ports/port-binding.store.ts';
import type { PortBindingRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { hostByName } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const found: Finder<Port> = {
  find: async ({ tx, path: { id = '' } }) => (isUuid(id) ? portById(tx, id) : undefined),
  missing: ({ id = '' }) => new Problem('notFound', t.portNotFound, { id: id.slice(0, 80) }),
  visible: (port, caller) =>
    caller.isAdmin || [port.projectId, port.network.projectId].includes(caller.projectId ?? '-'),
};

const bindingView = object({
  host: string(),
  status: string(),
  vif_type: string(),
  vif_details: mapOf(any()),
  vnic_type: string(),
  profile: mapOf(any()),
});

function view(one: Pick<PortBindingRow, 'host' | 'vnicType' | 'profile'>, status: 'ACTIVE' | 'INACTIVE') {
  return {
    host: one.host,
    status,
    vif_type: 'bridge',
    vif_details: { port_filter: true, connectivity: 'l2' } as Values,
    vnic_type: one.vnicType,
    profile: JSON.parse(one.profile) as Values,
  };
}

/** The active binding first. */
async function viewsOf(tx: Tx, port: Port) {
  const active = port.host === null ? [] : [view({ ...port, host: port.host }, 'ACTIVE')];
  return [...active, ...(await inactiveBindings(tx, port.id)).map(one => view(one, 'INACTIVE'))];
}

async function viewOn(tx: Tx, portId: string, host: string) {
  const views = await viewsOf(tx, await needPort(tx, portId));
  return views.find(one => one.host === host)!;
}

export const listBindings = endpoint({
  policy: 'get_port_binding',
  allow: '(role:admin) or (role:service)',
  route: 'GET /v2.0/ports/{id}/bindings',
  find: found,
  replies: { 200: object({ bindings: array(bindingView) }) },
  handle: async ({ tx, found: port }) => ({ 200: { bindings: await viewsOf(tx, port) } }),
});

export const createBinding = endpoint({
  policy: 'create_port_binding',
  allow: 'role:service',
  route: 'POST /v2.0/ports/{id}/bindings',
  find: found,
  body: object({
    binding: object({
      host: string({ min: 1, max: 255 }),
      vnic_type: optional(string({ max: 64 })),
      profile: optional(mapOf(any())),
    }),
  }),
  replies: { 201: object({ binding: bindingView }) },
  handle: async ({ tx, found: port, body: { binding } }) => {
    const { host, vnic_type: vnicType, profile } = binding;
    if (!port.deviceOwner.startsWith('compute:'))
      throw new Problem('conflict', t.portBindingUnsupported, { id: port.id });
    if (!(await hostByName(tx, host)))
      throw new Problem('invalid', t.invalidInput, { attribute: 'host', why: `${host} is not a host of this cloud` });
    if ((await viewsOf(tx, port)).some(one => one.host === host))
      throw new Problem('conflict', t.portBindingAlreadyExists, { id: port.id, host });
    await addBinding(tx, port, host, {
      ...(vnicType === undefined ? {} : { vnicType }),
      profile: JSON.stringify(profile ?? {}),
    });
    return { 201: { binding: await viewOn(tx, port.id, host) } };
  },
});

export const activate = endpoint({
  policy: 'activate',
  allow: 'role:service',
  route: 'PUT /v2.0/ports/{id}/bindings/{host}/activate',
  find: found,
  replies: { 200: object({ binding: bindingView }) },
  handle: async ({ tx, found: port, path: { host = '' } }) => {
    if (port.host === host) throw new Problem('conflict', t.portBindingAlreadyActive, { id: port.id, host });
    await needBinding(tx, port, host);
    await activateBinding(tx, port, host);
    return { 200: { binding: await viewOn(tx, port.id, host) } };
  },
});

export const deleteBinding = endpoint({
  policy: 'delete_port_binding',
  allow: 'role:service',
  route: 'DELETE /v2.0/ports/{id}/bindings/{host}',
  find: found,
  replies: { 204: null },
  handle: async ({ tx, found: port, path: { host = '' } }) => {
    await needBinding(tx, port, host);
    await dropBinding(tx, port, host);
    return { 204: undefined };
  },
});

async function needBinding(tx: Tx, port: Port, host: string): Promise<void> {
  if (!(await viewsOf(tx, port)).some(one => one.host === host))
    throw new Problem('notFound', t.portBindingNotFound, { id: port.id, host: host.slice(0, 80) });
}

export const bindingEndpoints = [listBindings, createBinding, activate, deleteBinding];
