// QMP: QEMU's control protocol, JSON lines over a unix socket. https://www.qemu.org/docs/master/interop/qmp-spec.html
// QEMU serves one client at a time; a second one waits without a greeting until its time is up.

import { connect, type Socket } from 'node:net';
import type { Clock } from '#/platform/clock/clock.ts';

export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
}

export interface Qmp {
  /** Runs one command. @throws QmpError QEMU's refusal, or that it is gone or does not answer */
  execute<T = unknown>(command: string, args?: Record<string, unknown>, timeoutMs?: number): Promise<T>;
  /** Listens to events. @returns how to stop listening */
  onEvent(listener: (event: QmpEvent) => void): () => void;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  close(): void;
}

/** `kind` refused: QEMU said no. gone: the connection ended. timeout: no answer in time. */
export class QmpError extends Error {
  override name = 'QmpError';
  readonly kind: 'refused' | 'gone' | 'timeout';
  /** QEMU's error class, `DeviceNotFound`. */
  readonly class: string;
  constructor(kind: QmpError['kind'], text: string, errorClass = '') {
    super(text);
    this.kind = kind;
    this.class = errorClass;
  }
}

/** No honest answer is longer than this; a guest process that was taken over must not fill our memory. */
const longestLine = 8 << 20;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Connects and leaves the negotiation behind. @throws QmpError gone, timeout */
export function connectQmp(path: string, clock: Clock, timeoutMs = 10_000): Promise<Qmp> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const pending = new Map<number, Pending>();
    const listeners = new Set<(event: QmpEvent) => void>();
    const closed = Promise.withResolvers<void>();
    let lastId = 0;
    let isClosed = false;
    const timer = clock.after(timeoutMs, () => {
      socket.destroy();
      reject(new QmpError('timeout', `no QMP greeting within ${timeoutMs} ms`));
    });

    function send<T>(command: string, args?: Record<string, unknown>, limitMs = 10_000): Promise<T> {
      if (isClosed) return Promise.reject(new QmpError('gone', `${command}: the connection has ended`));
      const id = ++lastId;
      return new Promise<T>((done, fail) => {
        const limit = clock.after(limitMs, () => {
          pending.delete(id);
          fail(new QmpError('timeout', `${command}: no answer within ${limitMs} ms`));
        });
        pending.set(id, {
          resolve: value => (limit.cancel(), done(value as T)),
          reject: error => (limit.cancel(), fail(error)),
        });
        socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
      });
    }

    const qmp: Qmp = {
      execute: send,
      onEvent(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      closed: closed.promise,
      get isClosed() {
        return isClosed;
      },
      close: () => void socket.destroy(),
    };

    function take(message: Record<string, unknown>): void {
      if (message['QMP']) {
        qmp.execute('qmp_capabilities').then(
          () => (timer.cancel(), resolve(qmp)),
          error => (timer.cancel(), socket.destroy(), reject(error)),
        );
        return;
      }
      if (typeof message['event'] === 'string') {
        const event = { event: message['event'], data: (message['data'] ?? {}) as Record<string, unknown> };
        for (const listener of listeners) listener(event);
        return;
      }
      const waiting = pending.get(message['id'] as number);
      if (!waiting) return;
      pending.delete(message['id'] as number);
      const error = message['error'] as { class?: string; desc?: string } | undefined;
      if (error) waiting.reject(new QmpError('refused', String(error.desc), error.class));
      else waiting.resolve(message['return']);
    }

    readLines(socket, take);
    socket.on('error', () => {});
    socket.on('close', () => {
      isClosed = true;
      timer.cancel();
      const gone = new QmpError('gone', 'the QMP connection ended');
      for (const waiting of pending.values()) waiting.reject(gone);
      pending.clear();
      closed.resolve();
      reject(gone);
    });
  });
}

/** Cuts the stream into JSON lines; anything that is none, or too long, ends the connection. */
function readLines(socket: Socket, take: (message: Record<string, unknown>) => void): void {
  let rest: Buffer[] = [];
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)]).toString();
      rest = [];
      length = 0;
      from = end + 1;
      if (!line.trim()) continue;
      try {
        take(JSON.parse(line));
      } catch (cause) {
        socket.destroy(cause as Error);
        return;
      }
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      length += chunk.length - from;
      if (length > longestLine) socket.destroy(new Error('QMP line too long'));
    }
  });
}
