// Availability zones: sets of hosts that users can choose. API: Compute, "Availability zones".

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, as, object } from '#/platform/http/schema.ts';
import { admin, anyone } from '#/services/compute/allow.ts';
import { internalZone } from '#/services/compute/hosts/aggregate.store.ts';
import { computeServices } from '#/services/compute/hosts/compute-service.api.ts';

const reply = object({ availabilityZoneInfo: array(as<object>(any())) });

const list = endpoint({
  policy: 'os_compute_api:os-availability-zone:list',
  allow: anyone,
  route: 'GET /v2.1/os-availability-zone',
  replies: { 200: reply },
  async handle({ tx }) {
    const zones = Map.groupBy(
      (await computeServices(tx)).filter(service => service.zone !== internalZone),
      service => service.zone,
    );
    const view = [...zones].map(([zoneName, services]) => ({
      zoneName,
      zoneState: { available: services.some(service => service.enabled) },
      hosts: null,
    }));
    return { 200: { availabilityZoneInfo: view } };
  },
});

const detail = endpoint({
  policy: 'os_compute_api:os-availability-zone:detail',
  allow: admin,
  route: 'GET /v2.1/os-availability-zone/detail',
  replies: { 200: reply },
  async handle({ tx }) {
    const zones = Map.groupBy(await computeServices(tx), service => service.zone);
    const view = [...zones].map(([zoneName, services]) => {
      const hosts: Record<string, Record<string, unknown>> = {};
      for (const { host, binary, enabled, up, updatedAt } of services)
        (hosts[host] ??= {})[binary] = { available: up, active: enabled, updated_at: updatedAt };
      return { zoneName, zoneState: { available: services.some(service => service.enabled) }, hosts };
    });
    return { 200: { availabilityZoneInfo: view } };
  },
});

export const availabilityZoneEndpoints = [list, detail];
