// A request without a socket: handed to a server as if it had come over one.

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import type { HttpServer } from '#/platform/http/server.ts';

export interface Asked {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  bytes: Buffer;
}

/** Never settles when the server's process dies on the way. */
export function inject(server: Pick<HttpServer, 'handle'>, asked: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = asked.body ?? Buffer.alloc(0);
    const headers = { ...asked.headers, ...(body.length ? { 'content-length': String(body.length) } : {}) };
    const incoming = Object.assign(Readable.from(body.length ? [body] : []), {
      method: asked.method,
      url: asked.path,
      headers,
      rawHeaders: Object.entries(headers).flat(),
      complete: true,
      socket: { remoteAddress: '127.0.0.1', bytesRead: body.length, destroyed: false, destroy() {} },
    });
    const outgoing = new Outgoing(answer => resolve(answer));
    server.handle(incoming as unknown as IncomingMessage, outgoing as unknown as ServerResponse).catch(reject);
  });
}

class Outgoing extends EventEmitter {
  statusCode = 200;
  headersSent = false;
  shouldKeepAlive = true;
  writableFinished = false;
  readonly #headers: OutgoingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  readonly #done: (answer: Answer) => void;

  constructor(done: (answer: Answer) => void) {
    super();
    this.#done = done;
  }

  setHeader(name: string, value: string | number): this {
    this.#headers[name.toLowerCase()] = String(value);
    return this;
  }

  appendHeader(name: string, value: string): this {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : `${String(before)}, ${value}`);
  }

  hasHeader(name: string): boolean {
    return name.toLowerCase() in this.#headers;
  }

  getHeader(name: string): unknown {
    return this.#headers[name.toLowerCase()];
  }

  writeHead(status: number, headers: Record<string, string | number> = {}): this {
    this.statusCode = status;
    this.headersSent = true;
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    return this;
  }

  write(chunk: Buffer | string): boolean {
    this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  end(chunk?: Buffer | string): this {
    if (chunk !== undefined) this.write(chunk);
    this.headersSent = true;
    this.writableFinished = true;
    this.#done({ status: this.statusCode, headers: this.#headers, bytes: Buffer.concat(this.#chunks) });
    return this;
  }

  destroy(): this {
    return this.writableFinished ? this : this.end();
  }
}
