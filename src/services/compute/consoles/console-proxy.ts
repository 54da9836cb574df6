// Consoles in the browser: noVNC's pages, and the WebSocket between a page and a guest's screen or serial line.
// The token in the URL is all that a page needs; it opens one connection, once.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, extname, join, normalize, sep } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type WebSocket, WebSocketServer } from 'ws';
import { openConsole } from '#/host/commands.ts';
import { streamsOf, takeStream } from '#/host/streams.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Logger } from '#/platform/log/log.ts';
import { takeConsoleToken } from '#/services/compute/consoles/console.store.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustFindServer } from '#/services/compute/servers/server.store.ts';
import { vncPage } from '#/services/compute/consoles/vnc-page.ts';

export interface ConsoleProxyOptions {
  db: Database;
  bus: Bus;
  clock: Clock;
  log: Logger;
  /** What browsers see as this program: other sites' pages may not connect. */
  publicUrl(): string;
}

/** A browser that reads too slowly makes the guest's side wait. */
const bufferLimit = 1 << 20;
const openMs = 10_000;

/** Answers WebSocket upgrades of `/console/websockify`; false for other paths. */
export function consoleUpgrade(
  options: ConsoleProxyOptions,
): (incoming: IncomingMessage, socket: Duplex, head: Buffer) => boolean {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: bufferLimit,
    perMessageDeflate: false,
    handleProtocols: offered => (offered.has('binary') ? 'binary' : false),
  });
  return (incoming, socket, head) => {
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    if (url.pathname !== '/console/websockify') return false;
    socket.on('error', () => socket.destroy());
    if (!ownOrigin(incoming, options.publicUrl())) {
      refuse(socket, '403 Forbidden');
      return true;
    }
    void open(options, url.searchParams.get('token') ?? '').then(
      guest => {
        if (!guest) return refuse(socket, '403 Forbidden');
        sockets.handleUpgrade(incoming, socket, head, browser => bridge(browser, guest));
      },
      (error: unknown) => {
        options.log.info({ error }, 'console not opened');
        refuse(socket, '502 Bad Gateway');
      },
    );
    return true;
  };
}

/** Programs send no Origin; browsers always do, and only our own pages may. */
function ownOrigin(incoming: IncomingMessage, publicUrl: string): boolean {
  const { origin, host } = incoming.headers;
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin).host;
  return from === new URL(publicUrl).host || from === host;
}

function refuse(socket: Duplex, status: string): void {
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function open({ db, bus, clock }: ConsoleProxyOptions, token: string): Promise<Duplex | undefined> {
  if (token === '' || token.length > 128) return undefined;
  const allowed = await db.write(async tx => {
    const taken = await takeConsoleToken(tx, token);
    return taken && { ...taken, host: hostOf(await mustFindServer(tx, taken.serverId)), streams: streamsOf(tx) };
  });
  if (!allowed) return undefined;
  const { host, kind, streams } = allowed;
  const asked = { key: `server/${allowed.serverId}` as const, kind };
  const { stream } = await takeStream({ bus, clock, streams }, host, openConsole, asked, openMs);
  return stream ?? undefined;
}

function bridge(browser: WebSocket, guest: Duplex): void {
  const end = (): void => {
    guest.destroy();
    browser.close();
  };
  guest.on('data', bytes => {
    browser.send(bytes, () => {
      if (guest.isPaused() && browser.bufferedAmount < bufferLimit) guest.resume();
    });
    if (browser.bufferedAmount >= bufferLimit) guest.pause();
  });
  browser.on('message', (data: Buffer | ArrayBuffer | Buffer[]) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    if (!guest.write(bytes)) {
      browser.pause();
      guest.once('drain', () => browser.resume());
    }
  });
  guest.on('error', end).on('end', end).on('close', end);
  browser.on('error', end).on('close', end);
}

/** noVNC's client is scripts alone. */
const types: Record<string, string> = { '.js': 'text/javascript; charset=utf-8' };

/** Serves our page and noVNC's client under `/console/`; false for other paths. */
export function consolePage(): (incoming: IncomingMessage, outgoing: ServerResponse) => boolean {
  const root = packageFolder();
  return (incoming, outgoing) => {
    const [pathname = ''] = (incoming.url ?? '/').split('?');
    if (!pathname.startsWith('/console/') || (incoming.method !== 'GET' && incoming.method !== 'HEAD')) return false;
    if (pathname === '/console/vnc.html') sendPage(incoming, outgoing);
    else void send(join(root, pathname.slice('/console/'.length)), root, incoming, outgoing);
    return true;
  };
}

function sendPage(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const bytes = Buffer.from(vncPage);
  outgoing.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8', 'content-length': bytes.length });
  outgoing.end(incoming.method === 'HEAD' ? undefined : bytes);
}

const headers = {
  'cache-control': 'no-cache',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

async function send(asked: string, root: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const file = normalize(asked);
  const type = types[extname(file)];
  const found = type && file.startsWith(root + sep) ? await stat(file).catch(() => null) : null;
  if (!type || !found?.isFile()) {
    outgoing.writeHead(404, { 'content-type': 'text/plain', 'content-length': 0 }).end();
    return;
  }
  outgoing.writeHead(200, { ...headers, 'content-type': type, 'content-length': found.size });
  if (incoming.method === 'HEAD') outgoing.end();
  else
    createReadStream(file)
      .on('error', () => outgoing.destroy())
      .pipe(outgoing);
}

function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.resolve('@novnc/novnc')));
  while (!folder.endsWith(join('@novnc', 'novnc'))) folder = dirname(folder);
  return folder;
}
