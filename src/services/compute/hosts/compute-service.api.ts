// The services that make up compute, as operators know them. API: Compute, "Compute services".
// Each host with the role compute is a nova-compute; the control plane shows as scheduler and conductor.

import { type Host, listHosts, setHostEnabled, setHostForcedDown } from '#/host/hosts.ts';
import { createHash } from 'node:crypto';
import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import {
  any,
  array,
  as,
  boolean,
  isTrue,
  looseBoolean,
  object,
  oneOf,
  optional,
  string,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin } from '#/services/compute/allow.ts';
import { aggregatesByHost, internalZone, zoneOf } from '#/services/compute/hosts/aggregate.store.ts';
import { t } from '#/services/compute/texts.ts';
import { one } from '#/services/compute/wire.ts';

export interface ComputeService {
  id: string;
  binary: string;
  host: string;
  zone: string;
  enabled: boolean;
  up: boolean;
  disabledReason: string | null;
  forcedDown: boolean;
  updatedAt: string;
}

/** The host name under which the control plane is listed. */
const controlHost = 'control';

/** Before 2.53 services and hypervisors had numbers: the same one for the same host for ever. */
export function numberOf(id: string): number {
  return 1 + (createHash('sha256').update(id).digest().readUInt32BE(0) & 0x3fff_ffff);
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export async function computeServices(tx: Tx): Promise<ComputeService[]> {
  const aggregates = await aggregatesByHost(tx);
  const control = ['nova-scheduler', 'nova-conductor'].map(binary => ({
    id: uuidOf(binary),
    binary,
    host: controlHost,
    zone: internalZone,
    enabled: true,
    up: true,
    disabledReason: null,
    forcedDown: false,
    updatedAt: now(tx),
  }));
  const computes = (await listHosts(tx)).filter(host => host.roles.includes('compute'));
  return [...control, ...computes.map(host => toService(host, zoneOf(aggregates.get(host.name)), now(tx)))];
}

function toService(host: Host, zone: string, at: string): ComputeService {
  const { name, up, enabled, disabledReason, forcedDown } = host;
  const updatedAt = up ? at : host.lastSeenAt;
  return {
    id: uuidOf(`service/${host.providerId}`),
    binary: 'nova-compute',
    host: name,
    zone,
    enabled,
    up,
    disabledReason,
    forcedDown,
    updatedAt,
  };
}

function view(service: ComputeService, version: Microversion): Record<string, unknown> {
  return {
    id: since(version, '2.53') ? service.id : numberOf(service.id),
    binary: service.binary,
    host: service.host,
    zone: service.zone,
    status: service.enabled ? 'enabled' : 'disabled',
    state: service.up ? 'up' : 'down',
    updated_at: service.updatedAt,
    disabled_reason: service.disabledReason,
    ...(since(version, '2.11') ? { forced_down: service.forcedDown } : {}),
  };
}

const anything = as<Record<string, unknown>>(any());

const list = endpoint({
  policy: 'os_compute_api:os-services:list',
  allow: admin,
  route: 'GET /v2.1/os-services',
  replies: { 200: object({ services: array(anything) }) },
  async handle({ tx, query, version }) {
    const host = one(query, 'host');
    const binary = one(query, 'binary');
    const services = (await computeServices(tx)).filter(
      service => (host === undefined || service.host === host) && (binary === undefined || service.binary === binary),
    );
    return { 200: { services: services.map(service => view(service, version)) } };
  },
});

/** @throws Problem invalid for parts of the control plane, which cannot be switched */
async function change(
  tx: Tx,
  service: ComputeService,
  ask: { enabled?: boolean; reason?: string; forcedDown?: boolean },
): Promise<ComputeService> {
  if (service.binary !== 'nova-compute')
    throw new Problem('invalid', t.serviceNotChangeable, { binary: service.binary, host: service.host });
  const { enabled = service.enabled, forcedDown } = ask;
  if (ask.reason !== undefined && enabled) throw new Problem('invalid', t.reasonWithoutDisable);
  if (ask.enabled !== undefined || ask.reason !== undefined)
    await setHostEnabled(tx, service.host, enabled, enabled ? null : (ask.reason ?? null));
  if (forcedDown !== undefined) await setHostForcedDown(tx, service.host, forcedDown);
  return (await computeServices(tx)).find(one => one.id === service.id)!;
}

const update = endpoint({
  policy: 'os_compute_api:os-services:update',
  allow: admin,
  route: 'PUT /v2.1/os-services/{service_id}',
  versions: '2.53-',
  body: object({
    status: optional(oneOf('enabled', 'disabled')),
    disabled_reason: optional(string({ min: 1, max: 255 })),
    forced_down: optional(looseBoolean()),
  }),
  replies: { 200: object({ service: anything }) },
  async handle({ tx, path, body, version }) {
    const service = (await computeServices(tx)).find(one => one.id === path['service_id']);
    if (!service) throw new Problem('notFound', t.serviceNotFound, { id: path['service_id']!.slice(0, 80) });
    const changed = await change(tx, service, {
      enabled: body.status === undefined ? undefined : body.status === 'enabled',
      reason: body.disabled_reason,
      forcedDown: body.forced_down === undefined ? undefined : isTrue(body.forced_down),
    });
    return { 200: { service: view(changed, version) } };
  },
});

async function named(tx: Tx, { host, binary }: { host: string; binary: string }): Promise<ComputeService> {
  const service = (await computeServices(tx)).find(one => one.host === host && one.binary === binary);
  if (!service) throw new Problem('notFound', t.serviceNotFound, { id: `${binary} on ${host}`.slice(0, 200) });
  return service;
}

const who = { host: string({ min: 1, max: 255 }), binary: string({ min: 1, max: 255 }) };

/** Until 2.52 a service is named by host and binary, and each change has a URL of its own. */
function byName(
  word: string,
  extra: { disabled_reason?: boolean; forced_down?: boolean },
  ask: (body: { disabled_reason?: string; forced_down?: boolean }) => Parameters<typeof change>[2],
): Endpoint {
  return endpoint({
    policy: 'os_compute_api:os-services:update',
    route: `PUT /v2.1/os-services/${word}`,
    versions: extra.forced_down ? '2.11-2.52' : '2.1-2.52',
    body: object({
      ...who,
      ...(extra.disabled_reason ? { disabled_reason: string({ min: 1, max: 255 }) } : {}),
      ...(extra.forced_down ? { forced_down: boolean() } : {}),
    }),
    replies: { 200: object({ service: anything }) },
    async handle({ tx, body }) {
      const sent = body as { host: string; binary: string; disabled_reason?: string; forced_down?: boolean };
      const { host, binary, enabled, disabledReason, forcedDown } = await change(tx, await named(tx, sent), ask(sent));
      const service = { host, binary };
      if (extra.forced_down) return { 200: { service: { ...service, forced_down: forcedDown } } };
      const status = { ...service, status: enabled ? 'enabled' : 'disabled' };
      return { 200: { service: extra.disabled_reason ? { ...status, disabled_reason: disabledReason } : status } };
    },
  });
}

export const computeServiceEndpoints = [
  list,
  byName('enable', {}, () => ({ enabled: true })),
  byName('disable', {}, () => ({ enabled: false })),
  byName('disable-log-reason', { disabled_reason: true }, body => ({ enabled: false, reason: body.disabled_reason })),
  byName('force-down', { forced_down: true }, body => ({ forcedDown: body.forced_down })),
  update,
];
