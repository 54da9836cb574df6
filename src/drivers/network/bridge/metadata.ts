// Metadata for guests: a socket in each DHCP and router namespace, served by the agent itself. A short-lived child opens the
// socket inside the namespace and passes it on, so that no process stays behind per network.

import { type ChildProcess, fork } from 'node:child_process';
import { createServer, type Server as HttpServer } from 'node:http';
import { isIPv4, Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Problem } from '#/platform/problem/problem.ts';
import { toolPath } from '#/platform/process/run.ts';
import { networkDriverTexts } from '../texts.ts';
import type { MetadataHandler } from '../network-driver.ts';
import type { Tools } from '../../tools.ts';
import { namespacePath } from './host.ts';

export type Via = Parameters<MetadataHandler>[0]['via'];

export interface MetadataSockets {
  handler: MetadataHandler | null;
  /** Has exactly these sockets open in a namespace (`address port`). */
  ensure(via: Via, namespace: string, addresses: { host: string; port: number }[]): Promise<void>;
  /** Closes a namespace's sockets; an open one would keep the namespace alive. */
  remove(via: string): Promise<void>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('./listen-child.ts', import.meta.url));
const childTimeoutMs = 10_000;
const atOnce = 2;
const maxConnections = 256;
const maxBytes = 64 << 10;

interface Open {
  name: string;
  socket: Server;
  connections: Set<Socket>;
}

export function metadataSockets(tools: Tools): MetadataSockets {
  const open = new Map<string, Open[]>();
  const waiting: (() => void)[] = [];
  let running = 0;
  const servers = new Map<string, HttpServer>();
  let isClosed = false;

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) await new Promise<void>(resolve => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  }

  function httpFor(via: Via): HttpServer {
    const known = servers.get(via);
    if (known) return known;
    const http = createServer({
      maxHeaderSize: 16 << 10,
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 5_000,
    });
    http.on('request', (request, response) => {
      if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
        response.writeHead(413).end();
        return;
      }
      const from = request.socket.remoteAddress ?? '';
      const address = from.startsWith('::ffff:') && isIPv4(from.slice(7)) ? from.slice(7) : from.split('%')[0]!;
      if (sockets.handler) sockets.handler({ via, address }, request, response);
      else response.writeHead(503).end();
    });
    servers.set(via, http);
    return http;
  }

  function serve(via: Via, name: string, socket: Server): Open {
    const connections = new Set<Socket>();
    const http = httpFor(via);
    socket.maxConnections = maxConnections;
    socket.on('connection', connection => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
      http.emit('connection', connection);
    });
    socket.on('error', cause => tools.log.warn({ via, cause: String(cause) }, 'metadata socket failed'));
    return { name, socket, connections };
  }

  function shut({ socket, connections }: Open): Promise<void> {
    return new Promise(resolve => {
      socket.close(() => resolve());
      for (const connection of connections) connection.destroy();
    });
  }

  const sockets: MetadataSockets = {
    handler: null,
    async ensure(via, namespace, addresses) {
      const wanted = new Set(addresses.map(({ host, port }) => `${host} ${port}`));
      const present = open.get(via) ?? [];
      for (const old of present) if (!wanted.has(old.name)) await shut(old);
      const kept = present.filter(({ name, socket }) => wanted.has(name) && socket.listening);
      open.set(via, kept);
      for (const { host, port } of addresses) {
        const name = `${host} ${port}`;
        if (isClosed || kept.some(k => k.name === name)) continue;
        const socket = await turn(() => openInside(tools, namespace, host, port));
        const opened = serve(via, name, socket);
        if (isClosed) await shut(opened);
        else kept.push(opened);
      }
    },
    async remove(via) {
      for (const old of open.get(via) ?? []) await shut(old);
      open.delete(via);
      servers.get(via)?.close();
      servers.delete(via);
    },
    async close() {
      isClosed = true;
      for (const via of open.keys()) await sockets.remove(via);
    },
  };
  return sockets;
}

/** @throws Problem unavailable when no socket came out of the namespace */
function openInside(tools: Tools, namespace: string, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(program, [host, String(port)], {
      execPath: 'nsenter',
      execArgv: [`--net=${namespacePath(namespace)}`, process.execPath],
      env: { PATH: toolPath, LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      cwd: '/',
    });
    const timer = tools.clock.after(childTimeoutMs, () => fail('no answer'));
    function fail(reason: string): void {
      timer.cancel();
      child.kill('SIGKILL');
      reject(new Problem('unavailable', networkDriverTexts.listenerFailed, { namespace, reason }));
    }
    child.on('error', cause => fail(cause.message));
    child.on('exit', status => fail(`the child ended with ${status}`));
    child.on('message', (message: { failed?: string }, handle) => {
      if (!(handle instanceof Server)) return fail(message.failed ?? 'no socket came');
      timer.cancel();
      child.removeAllListeners('exit');
      child.send({ received: true }, () => {});
      resolve(handle);
    });
  });
}
