// Kysely over one connection of PostgreSQL, made to answer as SQLite does where the two differ.

import {
  type BinaryOperationNode,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type OrderByItemNode,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  PrimitiveValueListNode,
  type QueryResult,
  ValueListNode,
} from 'kysely';
import type { ClientBase, QueryResult as PgResult } from 'pg';
import { failureOf } from './failures.ts';
import { toPostgres, types } from './values.ts';

/** One connection, and the first error that the transaction on it met: all that follows is only its echo. */
export interface Session {
  readonly db: Kysely<object>;
  failure: unknown;
  /** Something was asked for that may have changed something. */
  wrote: boolean;
}

/** Statements that are prepared, in the whole process; others are parsed each time. */
const preparedStatements = 1_000;
const names = new Map<string, string>();

export function sessionOver(client: ClientBase): Session {
  const session = { failure: undefined as unknown, wrote: false };
  const connection = new PostgresConnection(client, session);
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: async () => {},
    commitTransaction: async () => {},
    rollbackTransaction: async () => {},
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  const db = new Kysely<object>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: kysely => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new Compiler(),
    },
  });
  return Object.assign(session, { db });
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: ClientBase;
  readonly #session: Omit<Session, 'db'>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: ClientBase, session: Omit<Session, 'db'>) {
    this.#client = client;
    this.#session = session;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const values = query.parameters.map(toPostgres);
    // One at a time, also for work that asks several things at once.
    const turn = this.#last.then(() => this.#execute<R>(query.sql, values));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #execute<R>(text: string, values: unknown[]): Promise<QueryResult<R>> {
    let result: PgResult;
    try {
      result = await this.#client.query({ text, values, types, name: nameOf(text) });
    } catch (error) {
      this.#session.failure ??= error;
      throw error;
    }
    if (result.command !== 'SELECT') this.#session.wrote = true;
    const changed = /^(INSERT|UPDATE|DELETE|MERGE)$/.test(result.command);
    return { rows: result.rows as R[], ...(changed ? { numAffectedRows: BigInt(result.rowCount ?? 0) } : {}) };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}

function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < preparedStatements && !/^\s*(create|drop|alter)\b/i.test(text))
    names.set(text, (name = `h${names.size}`));
  return name;
}

/** NULL sorts first, and nothing is in an empty list. */
class Compiler extends PostgresQueryCompiler {
  protected override visitOrderByItem(node: OrderByItemNode): void {
    super.visitOrderByItem(node);
    if (node.nulls) return;
    const down = (node.direction as { sqlFragments?: string[] } | undefined)?.sqlFragments?.[0] === 'desc';
    this.append(down ? ' nulls last' : ' nulls first');
  }

  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    const { operator } = node.operator as { operator?: string };
    const right = node.rightOperand;
    const empty = (PrimitiveValueListNode.is(right) || ValueListNode.is(right)) && right.values.length === 0;
    if (empty && (operator === 'in' || operator === 'not in')) this.append(operator === 'in' ? 'false' : 'true');
    else super.visitBinaryOperation(node);
  }
}

/** What decides about another try: the first error on the connection, or what was thrown where there is none. */
export function failureIn(session: Session, thrown: unknown): ReturnType<typeof failureOf> {
  return failureOf(session.failure ?? thrown);
}
