// Deliberately broken variants of the program: each is a bug that somebody could make, and that the simulation must notice.

import type { Kysely } from 'kysely';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Service } from '#/platform/http/service.ts';
import type { OperationKind, Step } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import type { Mutation } from '#/simulation/cloud.ts';
import { createDice } from '#/simulation/dice.ts';

type Row = Record<string, string | number | null>;
type Write = Extract<Step, { type: 'write' }>;

const rows = (tx: Tx): Kysely<Record<string, Row>> => tx as unknown as Kysely<Record<string, Row>>;

/** The same kind of operation with one part changed. */
function kind(services: Service[], name: string, change: (kind: OperationKind) => Partial<OperationKind>): Service[] {
  return services.map(service => ({
    ...service,
    operations: service.operations?.map(one => (one.kind === name ? { ...one, ...change(one) } : one)),
  }));
}

function step(name: string, change: (step: Write) => Partial<Write>): (kind: OperationKind) => Partial<OperationKind> {
  return ({ steps }) => ({
    steps: steps.map(one => (one.name === name ? ({ ...one, ...change(one as Write) } as Step) : one)),
  });
}

function afterWrites(change: (tx: Tx) => Promise<void>): (db: Database) => Database {
  return db => ({
    ...db,
    write: (work, options) =>
      db.write(async tx => {
        const result = await work(tx);
        await change(tx);
        return result;
      }, options),
  });
}

export const mutations: Record<string, () => Mutation> = {
  'a server that failed keeps what it held': () => ({
    services: services =>
      kind(services, 'server.create', () => ({
        async onFailed(tx, { serverId }) {
          const change = { vmState: 'error', taskState: null, planned: 0, host: null, fault: '{}' };
          await rows(tx).updateTable('computeServers').set(change).where('id', '=', serverId).execute();
        },
      })),
  }),
  'a volume that could not be attached stays reserved': () => ({
    services: services =>
      kind(services, 'server.attachVolume', () => ({
        async onFailed(tx, { blockDeviceId }) {
          await rows(tx).deleteFrom('computeBlockDevices').where('id', '=', blockDeviceId).execute();
        },
      })),
  }),
  'the agent does not say what it took away': () => ({
    agentBus: (bus): Bus => ({
      ...bus,
      request: (subject, message, options) =>
        bus.request(
          subject,
          subject.startsWith('control.report.') ? { ...(message as Record<string, Json>), removed: [] } : message,
          options,
        ),
    }),
  }),
  'a changed plan is not told': () => {
    const dice = createDice('plan');
    return {
      database: db => ({
        ...db,
        write: (work, options) =>
          db.write(async tx => {
            const before = await rows(tx).selectFrom('hosts').select(['name', 'wantedRevision']).execute();
            const result = await work(tx);
            if (dice.chance(0.3))
              for (const { name, wantedRevision } of before)
                await rows(tx).updateTable('hosts').set({ wantedRevision }).where('name', '=', name!).execute();
            return result;
          }, options),
      }),
    };
  },
  'ensuring what is there fails': () => ({
    drivers: (drivers, machine) => ({
      ...drivers,
      network: {
        ...drivers.network,
        ensure(entry) {
          const { key } = entry;
          if (machine.network.has(key))
            return Promise.reject(new Problem('conflict', platformTexts.noSuchEntry, { host: '', key }));
          return drivers.network.ensure(entry);
        },
      },
    }),
  }),
  'nobody follows the news of deleted ports': () => ({
    services: services =>
      services.map(service => (service.name === 'compute' ? { ...service, listen: undefined } : service)),
  }),
  'a deleted server keeps its room': () => ({
    services: services =>
      kind(
        services,
        'server.delete',
        step('release', ({ do: release }) => ({
          async do(tx, state) {
            const { serverId } = state as { serverId: string };
            const consumer = await rows(tx).selectFrom('consumers').selectAll().where('id', '=', serverId).execute();
            const held = await rows(tx)
              .selectFrom('allocations')
              .selectAll()
              .where('consumerId', '=', serverId)
              .execute();
            await release(tx, state);
            if (!consumer.length) return;
            await rows(tx).insertInto('consumers').values(consumer).execute();
            await rows(tx).insertInto('allocations').values(held).execute();
          },
        })),
      ),
  }),
  'a deleted server keeps its ports': () => ({
    services: services =>
      kind(
        services,
        'server.delete',
        step('release', ({ do: release }) => ({
          async do(tx, state) {
            const { serverId } = state as { serverId: string };
            await rows(tx).deleteFrom('computeNics').where('serverId', '=', serverId).execute();
            await release(tx, state);
          },
        })),
      ),
  }),
  'an address is given out twice': () => ({
    database: afterWrites(async tx => {
      const all = await rows(tx).selectFrom('portAddresses').selectAll().orderBy('portId').execute();
      const [first, second] = Object.values(Object.groupBy(all, row => String(row['networkId']))).find(
        group => group!.length > 4,
      ) ?? [null, null];
      if (first && second && first['ip'] !== second['ip'])
        await rows(tx)
          .updateTable('portAddresses')
          .set({ ip: first['ip'] })
          .where('portId', '=', second['portId']!)
          .execute();
    }),
  }),
  'guests are not taken away': () => ({
    drivers: drivers => ({ ...drivers, hypervisor: { ...drivers.hypervisor, removeGuest: async () => {} } }),
  }),
  'the host says that a disk is there when it is not': () => ({
    drivers: drivers => ({
      ...drivers,
      volume: {
        ...drivers.volume,
        ensure(disk, images) {
          const never = Number.parseInt(disk.key.slice(-2), 16) % 3 === 0;
          const connection = { kind: 'simulated' as const, id: disk.key };
          return never
            ? Promise.resolve({ usedBytes: 0, ...(disk.exported && { connection }) })
            : drivers.volume.ensure(disk, images);
        },
      },
    }),
  }),
  'what was acknowledged is not kept': () => {
    const dice = createDice('keep');
    return {
      database: db => ({
        ...db,
        write: (work, options) => db.write(work, dice.chance(0.02) ? { ...options, dryRun: true } : options),
      }),
    };
  },
  'routers are not planned': () => ({
    services: services =>
      services.map(service => ({
        ...service,
        planners: service.planners?.map(
          plan => async (tx: Tx, host: string, only) =>
            (await plan(tx, host, only)).filter(entry => !entry.key.startsWith('router/')),
        ),
      })),
  }),
  'a volume that was extended is not free again': () => ({
    services: services =>
      kind(
        services,
        'volume.extend',
        step('finish', () => ({ do: async () => {} })),
      ),
  }),
  'a retried delete gives up': () => ({
    services: services =>
      kind(
        services,
        'volume.delete',
        step('forget', () => ({ do: async () => {} })),
      ),
  }),
};
