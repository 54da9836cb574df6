// News. An event is written in the same transaction as the change that it tells of; services that must follow at once
// listen inside that transaction, everyone else reads the outbox.

import type { Generated } from 'kysely';
import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';
import { afterCommit, contextOf, now, type Tx } from '#/platform/database/tx.ts';

export interface Event {
  /** `port.active`, `server.create.end`: resource, action, and phase where there is one. */
  type: string;
  projectId: string | null;
  resourceId: string;
  payload: Record<string, unknown>;
  /** On behalf of which request; absent: the transaction's. */
  requestId?: string | null;
}

export type Listener = (tx: Tx, event: Event) => Promise<void>;

/** What listens, and what is told after the commit. One per program, attached to its database. */
export interface Events {
  /** Follows an event inside the transaction that emits it. */
  on(type: string, listener: Listener): void;
  /** Is told of every event once it has committed: live views. */
  watch(watcher: (event: Event) => void): () => void;
}

const slot = Symbol('events');

interface Wiring {
  listeners: Map<string, Listener[]>;
  watchers: Set<(event: Event) => void>;
}

/** Attaches events to a database's transactions through their shared slots. */
export function createEvents(slots: Map<symbol, unknown>): Events {
  const wiring: Wiring = { listeners: new Map(), watchers: new Set() };
  slots.set(slot, wiring);
  return {
    on: (type, listener) => void wiring.listeners.set(type, [...(wiring.listeners.get(type) ?? []), listener]),
    watch(watcher) {
      wiring.watchers.add(watcher);
      return () => wiring.watchers.delete(watcher);
    },
  };
}

/** Tells of a change, in the change's own transaction. */
export async function emit(tx: Tx, event: Event): Promise<void> {
  const context = contextOf(tx);
  const wiring = context.slots.get(slot) as Wiring;
  await outbox(tx)
    .insertInto('events')
    .values({ requestId: context.requestId, ...event, payload: JSON.stringify(event.payload), at: now(tx) })
    .execute();
  for (const listener of wiring.listeners.get(event.type) ?? []) await listener(tx, event);
  afterCommit(tx, () => wiring.watchers.forEach(watcher => watcher(event)));
}

/** What happened on behalf of a request, in order. */
export async function eventsOfRequest(tx: Tx, requestId: string, limit: number): Promise<(Event & { at: string })[]> {
  const rows = await outbox(tx)
    .selectFrom('events')
    .selectAll()
    .where('requestId', '=', requestId)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(({ type, projectId, resourceId, payload, at }) => ({
    type,
    projectId,
    resourceId,
    payload: JSON.parse(payload) as Record<string, unknown>,
    at,
  }));
}

/** Drops what is older than `before` (a timestamp). */
export async function forgetEvents(tx: Tx, before: string): Promise<void> {
  await outbox(tx).deleteFrom('events').where('at', '<', before).execute();
}

interface EventRow {
  seq: Generated<number>;
  type: string;
  projectId: string | null;
  resourceId: string;
  payload: string;
  requestId: string | null;
  at: string;
}

function outbox(tx: Tx) {
  return tx.withTables<{ events: EventRow }>();
}

export const eventMigrations: Migration[] = [
  {
    name: 'platform/0001-events',
    async up(tx, engine) {
      const seq = engine === 'sqlite' ? 'integer primary key autoincrement' : 'bigserial primary key';
      await createTable(tx, engine, 'events', {
        seq,
        type: 'text not null',
        projectId: 'text',
        resourceId: 'text not null',
        payload: 'text not null',
        requestId: 'text',
        at: 'text not null',
      });
    },
  },
  {
    name: 'platform/0003-events-by-request',
    up: tx => createIndex(tx, 'events', ['requestId']),
  },
];
