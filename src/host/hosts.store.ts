// The hosts, the revision that each one's plan is wanted at, and what each has reported of its entries.

import { createTable, type Migration } from '#/platform/database/migrations.ts';
import type { ServerKey } from '#/platform/http/service.ts';
import { type Tx } from '#/platform/database/tx.ts';

export interface HostRow {
  name: string;
  providerId: string;
  /** JSON list. */
  roles: string;
  address: string | null;
  up: number;
  enabled: number;
  disabledReason: string | null;
  forcedDown: number;
  /** JSON of HypervisorCapabilities, VolumeCapacity, NetworkCapabilities. */
  capabilities: string | null;
  volumeCapacity: string | null;
  networkCapabilities: string | null;
  /** Of the agent's program; null for one that does not say. */
  version: string | null;
  wantedRevision: number;
  reportedRevision: number;
  /** The number of the last report that was heard in this session. */
  reportedSequence: number;
  /** Counts the agent's starts, so that a late report of an earlier one is known as such. */
  session: string | null;
  lastSeenAt: string;
  startedAt: string;
  createdAt: string;
}

export interface HostEntryRow {
  host: string;
  key: string;
  state: 'pending' | 'applied' | 'failed' | 'removing';
  revision: number;
  facts: string | null;
  problem: string | null;
}

/** In the change that made this revision of a host's plan, this key may differ; without a row, anything may. */
interface PlanChangeRow {
  host: string;
  revision: number;
  key: ServerKey;
}

export function table(tx: Tx) {
  return tx.withTables<{ hosts: HostRow; hostEntries: HostEntryRow; planChanges: PlanChangeRow }>();
}

export const hostMigrations: Migration[] = [
  {
    name: 'host/0001-hosts',
    async up(tx, engine) {
      await createTable(tx, engine, 'hosts', {
        name: 'text primary key',
        providerId: 'text not null unique',
        roles: 'text not null',
        address: 'text',
        up: 'integer not null',
        enabled: 'integer not null',
        disabledReason: 'text',
        forcedDown: 'integer not null',
        capabilities: 'text',
        volumeCapacity: 'text',
        wantedRevision: 'integer not null',
        reportedRevision: 'integer not null',
        session: 'text',
        lastSeenAt: 'text not null',
        startedAt: 'text not null',
        createdAt: 'text not null',
      });
      await createTable(
        tx,
        engine,
        'hostEntries',
        {
          host: 'text not null',
          key: 'text not null',
          state: 'text not null',
          revision: 'integer not null',
          facts: 'text',
          problem: 'text',
        },
        ['primary key ("host", "key")'],
      );
    },
  },
  {
    name: 'host/0002-report-sequence',
    async up(tx, engine) {
      await tx.schema
        .alterTable('hosts')
        .addColumn('reportedSequence', engine === 'sqlite' ? 'integer' : 'bigint', column =>
          column.notNull().defaultTo(0),
        )
        .execute();
    },
  },
  {
    name: 'host/0003-network-capabilities',
    async up(tx) {
      await tx.schema.alterTable('hosts').addColumn('networkCapabilities', 'text').execute();
    },
  },
  {
    name: 'host/0004-plan-changes',
    async up(tx, engine) {
      const columns = { host: 'text not null', revision: 'integer not null', key: 'text not null' };
      await createTable(tx, engine, 'planChanges', columns, ['primary key ("host", "revision", "key")']);
    },
  },
  {
    name: 'host/0005-agent-version',
    async up(tx) {
      await tx.schema.alterTable('hosts').addColumn('version', 'text').execute();
    },
  },
];
