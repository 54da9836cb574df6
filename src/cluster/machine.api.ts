// The machines of the cloud for operators: list them, take one out of use and back, empty it, remove it; and invite others.

import { createHash, X509Certificate } from 'node:crypto';
import { countEntries, forgetHost, hostByName, listHosts, setHostEnabled } from '#/host/hosts.ts';
import { compilePlan, kindOf } from '#/host/plan.ts';
import { afterCommit, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { array, boolean, integer, nullable, object, oneOf, optional, string } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { removeHost } from '#/services/placement/contract.ts';
import {
  findInvitation,
  findMember,
  invite,
  listInvitations,
  listMembers,
  type MemberRow,
  removeMember,
  revokeInvitation,
} from './cluster.store.ts';
import { clusterTexts as t } from './texts.ts';
import { writeToken } from './token.ts';

const admin = 'role:admin';

const machineView = object({
  name: string(),
  /** Null for one that is not a machine of a cluster. */
  address: nullable(string()),
  tunnel_address: nullable(string()),
  roles: array(string()),
  offers: array(string()),
  /** Null for machines without a host. */
  up: nullable(boolean()),
  enabled: boolean(),
  disabled_reason: nullable(string()),
  servers: integer(),
  volumes: integer(),
  last_seen: nullable(string()),
  /** Of its host's agent, as it last said. */
  version: nullable(string()),
  certificate_expires: nullable(string()),
});

const invitationView = object({
  id: string(),
  roles: array(string()),
  name: nullable(string()),
  created: string(),
  expires: string(),
});

/** Of the cluster that this control plane belongs to; null for a cloud on one machine. */
export interface ClusterFacts {
  /** This machine, whose control plane is no member, but the one that lets members in. */
  own: { name: string; roles: readonly string[] };
  /** Where machines join. */
  server: string;
  /** The authority's certificate, PEM. */
  authority: string;
  /** Whether machines may run api and worker. */
  sharedDatabase: boolean;
  /** Members came or went. */
  changed(): void;
}

export interface MachineOptions {
  cluster: ClusterFacts | null;
  services: Service[];
}

export function machineEndpoints({ cluster, services }: MachineOptions): Endpoint[] {
  const one = async (tx: Tx, name: string) => {
    const machine = (await machines(tx, cluster)).find(each => each.name === name);
    if (!machine) throw new Problem('notFound', t.noHost, { name: name.slice(0, 80) });
    return machine;
  };
  const hostOf = async (tx: Tx, name: string) => {
    const host = await hostByName(tx, name);
    if (!host) throw new Problem('notFound', t.noHost, { name: name.slice(0, 80) });
    return host;
  };
  return [
    endpoint({
      policy: 'haneul:hosts:list',
      allow: admin,
      route: 'GET /hosts',
      replies: { 200: object({ hosts: array(machineView) }) },
      handle: async ({ tx }) => ({ 200: { hosts: await machines(tx, cluster) } }),
    }),
    endpoint({
      policy: 'haneul:hosts:update',
      allow: admin,
      route: 'POST /hosts/{name}/enable',
      replies: { 200: object({ host: machineView }) },
      async handle({ tx, path }) {
        const { name } = await hostOf(tx, path['name']!);
        await setHostEnabled(tx, name, true, null);
        return { 200: { host: await one(tx, name) } };
      },
    }),
    endpoint({
      policy: 'haneul:hosts:update',
      route: 'POST /hosts/{name}/disable',
      body: object({ reason: optional(nullable(string({ max: 255 }))) }),
      replies: { 200: object({ host: machineView }) },
      async handle({ tx, path, body }) {
        const { name } = await hostOf(tx, path['name']!);
        await setHostEnabled(tx, name, false, body.reason ?? null);
        return { 200: { host: await one(tx, name) } };
      },
    }),
    endpoint({
      policy: 'haneul:hosts:remove',
      allow: admin,
      route: 'POST /hosts/{name}/remove',
      replies: { 204: null },
      async handle({ tx, path }) {
        const name = path['name']!;
        const [host, member] = [await hostByName(tx, name), await findMember(tx, name)];
        if (!host && !member) throw new Problem('notFound', t.noHost, { name: name.slice(0, 80) });
        if (host) {
          await refuseWhatItHolds(tx, name, services);
          await removeHost(tx, host.providerId);
          await forgetHost(tx, name);
        }
        await removeMember(tx, name);
        afterCommit(tx, () => cluster?.changed());
        return { 204: undefined };
      },
    }),
    endpoint({
      policy: 'haneul:invitations:list',
      allow: admin,
      route: 'GET /invitations',
      replies: { 200: object({ invitations: array(invitationView) }) },
      handle: async ({ tx }) => ({
        200: {
          invitations: (await listInvitations(tx)).map(({ id, roles, name, createdAt, expiresAt }) => ({
            id,
            roles: JSON.parse(roles) as string[],
            name,
            created: createdAt,
            expires: expiresAt,
          })),
        },
      }),
    }),
    endpoint({
      policy: 'haneul:invitations:create',
      allow: admin,
      route: 'POST /invitations',
      body: object({
        roles: array(oneOf('api', 'worker', 'host'), { min: 1, max: 3 }),
        lifetime_seconds: integer({ min: 10, max: 604_800 }),
        /** A machine that may join anew. */
        name: optional(nullable(string({ max: 63 }))),
      }),
      replies: { 201: object({ id: string(), token: string(), expires: string() }) },
      async handle({ tx, body }) {
        if (!cluster) throw new Problem('conflict', t.noCluster);
        const { roles, lifetime_seconds: lifetimeSeconds, name = null } = body;
        if (!cluster.sharedDatabase && roles.some(role => role !== 'host'))
          throw new Problem('conflict', t.needsDatabase);
        if (name !== null) await one(tx, name);
        const { id, secret, expiresAt } = await invite(tx, { roles, name, lifetimeSeconds });
        const authority = fingerprintOf(cluster.authority);
        return { 201: { id, token: writeToken({ server: cluster.server, authority, secret }), expires: expiresAt } };
      },
    }),
    endpoint({
      policy: 'haneul:invitations:revoke',
      allow: admin,
      route: 'POST /invitations/{invitation_id}/revoke',
      replies: { 204: null },
      async handle({ tx, path }) {
        const id = path['invitation_id']!;
        if (!(await findInvitation(tx, id))) throw new Problem('notFound', t.noInvitation, { id: id.slice(0, 80) });
        await revokeInvitation(tx, id);
        return { 204: undefined };
      },
    }),
  ];
}

/** SHA-256 of a certificate (PEM), hex. */
export function fingerprintOf(certificate: string): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

async function machines(tx: Tx, cluster: ClusterFacts | null) {
  const members = new Map((await listMembers(tx)).map(member => [member.name, member]));
  const hosts = new Map((await listHosts(tx)).map(host => [host.name, host]));
  const [servers, volumes] = [await countEntries(tx, 'server'), await countEntries(tx, 'volume')];
  return [...new Set([...members.keys(), ...hosts.keys()])].sort().map(name => {
    const [member, host] = [members.get(name), hosts.get(name)];
    return {
      name,
      address: member?.address ?? null,
      tunnel_address: member?.tunnelAddress ?? host?.address ?? null,
      roles: name === cluster?.own.name ? [...cluster.own.roles] : rolesOf(member),
      offers: host?.roles ?? [],
      up: host?.up ?? null,
      enabled: host?.enabled ?? true,
      disabled_reason: host?.disabledReason ?? null,
      servers: servers.get(name) ?? 0,
      volumes: volumes.get(name) ?? 0,
      last_seen: host?.lastSeenAt ?? null,
      version: host?.version ?? null,
      certificate_expires: member?.expiresAt ?? null,
    };
  });
}

function rolesOf(member: MemberRow | undefined): string[] {
  return member ? (JSON.parse(member.roles) as string[]) : ['api', 'worker', 'host'];
}

/** @throws Problem conflict when the host's plan names guests or disks: rows, and not what a silent host last said */
async function refuseWhatItHolds(tx: Tx, name: string, services: Service[]): Promise<void> {
  const { entries } = await compilePlan(tx, services, name, 0);
  for (const [kind, text] of [
    ['server', t.holdsServers],
    ['volume', t.holdsVolumes],
  ] as const) {
    const count = entries.filter(({ entry }) => kindOf(entry.key) === kind).length;
    if (count > 0) throw new Problem('conflict', text, { name, count });
  }
}
