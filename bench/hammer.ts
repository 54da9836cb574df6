// An HTTP client that costs little: prepared requests on kept connections, one at a time on each. What it measures is the
// server, for its own share of the processor is small and the same for everything that it is turned on.

import { connect, type Socket } from 'node:net';
import { quantile } from './measurement.ts';

export interface Hammering {
  host: string;
  port: number;
  /** The whole request, or one after another. */
  request: Buffer | (() => Buffer);
  connections: number;
  seconds: number;
  warmupSeconds?: number;
  /** So many requests a second and no more, each counted from when it was due. Absent: as many as are answered. */
  pace?: number;
}

export interface Hammered {
  rate: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers with another status than 2xx. */
  failures: number;
  /** Of one answer, head and body. */
  bytes: number;
  /** What asking took of a core, as a part of one. */
  cores: number;
}

export function requestBytes(method: string, path: string, headers: Record<string, string>, body = ''): Buffer {
  const length = body ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } : {};
  const lines = Object.entries({ host: 'bench', accept: 'application/json', ...headers, ...length }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** Asks again and again for some time. @throws Error when a connection ends */
export async function hammer(options: Hammering): Promise<Hammered> {
  const from = performance.now() + (options.warmupSeconds ?? 0.5) * 1000;
  const until = from + options.seconds * 1000;
  const times: number[] = [];
  let failures = 0;
  let bytes = 0;
  const next = typeof options.request === 'function' ? options.request : () => options.request as Buffer;
  const open = (): Socket => connect(options.port, options.host).setNoDelay(true);
  let turn = 0;
  const began = performance.now();
  const used = process.cpuUsage();
  const loops = Array.from({ length: options.connections }, async () => {
    let socket = open();
    try {
      while (performance.now() < until) {
        const due = options.pace ? began + (turn++ * 1000) / options.pace : performance.now();
        if (due > performance.now()) await new Promise(resolve => setTimeout(resolve, due - performance.now()));
        const answer = await exchange(socket, next());
        const now = performance.now();
        if (answer.closes) {
          socket.destroy();
          socket = open();
        }
        if (now < from || now > until) continue;
        times.push(now - due);
        bytes = answer.bytes;
        if (answer.status >= 300) failures++;
      }
    } finally {
      socket.destroy();
    }
  });
  await Promise.all(loops);
  const { user, system } = process.cpuUsage(used);
  return {
    cores: (user + system) / 1000 / (performance.now() - began),
    rate: times.length / options.seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    failures,
    bytes,
  };
}

/** One request, one answer with a content-length. */
function exchange(socket: Socket, request: Buffer): Promise<{ status: number; bytes: number; closes: boolean }> {
  return new Promise((resolve, reject) => {
    let got = 0;
    let whole = -1;
    let status = 0;
    let head = '';
    let closes = false;
    const done = (): void => {
      socket.off('data', onData);
      socket.off('error', reject);
      socket.off('close', onClose);
    };
    const onClose = (): void => reject(new Error('the connection was closed'));
    const onData = (chunk: Buffer): void => {
      got += chunk.length;
      if (whole < 0) {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        status = Number(head.slice(9, 12));
        closes = /\r\nconnection: *close/i.test(head.slice(0, end));
        const length = /\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end));
        whole = end + 4 + Number(length?.[1] ?? 0);
      }
      if (got < whole) return;
      done();
      resolve({ status, bytes: whole, closes });
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.once('close', onClose);
    socket.write(request);
  });
}
