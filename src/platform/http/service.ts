// A service as the program sees it: what it offers, what it keeps, what it does over time. Its folder's table of contents.

import type { SettingEntry } from '#/platform/database/setting.ts';
import type { Migration } from '#/platform/database/migrations.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Events } from '#/platform/events/events.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Chore } from '#/platform/operations/chores.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import type { ProblemKind } from '#/platform/problem/problem.ts';

/** A problem on its way to the wire. */
export interface WireProblem {
  status: number;
  kind: ProblemKind | 'bug';
  /** `compute.serverNotFound` */
  textId: string;
  message: string;
  facts: Record<string, unknown>;
  requestId: string;
  /** What the client said that it reads. */
  accept?: string;
}

/** An entry of a host's plan, whatever its kind. */
export interface PlanEntry {
  key: string;
}

/** The entry of a server in the plan of the host that it is on. */
export type ServerKey = `server/${string}`;

export interface Service {
  /** Folder and URL prefix: `compute` is under `/compute`. */
  name: string;
  /** The catalog's type and name: `compute`, `nova`. */
  type: string;
  catalogName: string;
  /** Other catalog types under which clients look for it (`volumev3`). */
  aliases?: string[];
  /** The catalog URL below the prefix: `/v2.1`, `/v3/{project_id}`; empty for the prefix itself. */
  catalogPath: string;
  /** Names of the headers and the range, where it has microversions. `type` is the word in `OpenStack-API-Version`. */
  microversions?: {
    type: string;
    legacyHeader?: string;
    min: string;
    max: string /** What a request without a header speaks. */;
    default: string;
  };
  endpoints: Endpoint[];
  /** Policy rules that no endpoint names by itself but handlers check; name → default check. */
  rules?: Record<string, string>;
  /** The error body (and content type, JSON by default) of this service. */
  envelope(problem: WireProblem): { body: unknown; type?: string };
  /** Where this service's status differs from the usual one. */
  statusOf?: Partial<Record<ProblemKind, number>>;
  migrations?: Migration[];
  operations?: OperationKind[];
  /** Rows → entries of one host's plan: all of them, or `only` the servers that are named, with what they need. */
  planners?: ((tx: Tx, host: string, only?: ServerKey[]) => Promise<PlanEntry[]>)[];
  /** Follows other services' events. */
  listen?(events: Events): void;
  /** What the operator decides: in place before anything runs. */
  settings?: SettingEntry[];
  /** First rows of a new cloud. Runs at every start, in one transaction, after migrations; changes nothing when all is there. */
  seed?(tx: Tx, settings: SeedSettings): Promise<void>;
  /** Reacts to what a host's agent tells; see host/host-events.ts. */
  onHostEvent?(tx: Tx, host: string, event: { type: string } & Record<string, unknown>): Promise<void>;
  /** How many of its main things exist, for `status`: `{ servers: 3 }`. */
  counts?(tx: Tx): Promise<Record<string, number>>;
  /** Periodic work, once per period in the whole cluster. */
  chores?: Chore[];
}

export interface SeedSettings {
  region: string;
  /** Where clients reach the program: `http://127.0.0.1:8774`. */
  publicUrl: string;
  /** Made outside the transaction. */
  adminPasswordHash: string;
  adminPassword: string;
  services: Pick<Service, 'name' | 'type' | 'catalogName' | 'aliases' | 'catalogPath'>[];
  externalCidr: string | null;
  simulated: boolean;
}
