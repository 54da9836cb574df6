// Requests as bytes on a socket, for what no HTTP client would send.

import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** Of the first answer; 0 where there was none. */
  status: number;
  text: string;
  /** The statuses of all answers on the connection. */
  statuses: number[];
  closed: boolean;
  ms: number;
}

export interface RawConnection {
  socket: Socket;
  send(bytes: string | Buffer): void;
  /** Waits until the server closes the connection, or so many answers are there, or `ms` (real) have passed. */
  answer(options?: { answers?: number; ms?: number }): Promise<RawAnswer>;
  close(): void;
}

export async function rawConnection(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const started = performance.now();
  let text = '';
  const state = { closed: false };
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    wake();
  });
  for (const event of ['end', 'close', 'error'])
    socket.on(event, () => {
      state.closed = true;
      wake();
    });
  const statuses = (): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  return {
    socket,
    send: bytes => void socket.write(bytes),
    async answer({ answers = Number.POSITIVE_INFINITY, ms = 3_000 } = {}) {
      const limit = setTimeout(() => wake(), ms);
      const until = performance.now() + ms;
      while (!state.closed && statuses().length < answers && performance.now() < until)
        await new Promise<void>(resolve => (wake = resolve));
      clearTimeout(limit);
      return {
        status: statuses()[0] ?? 0,
        text,
        statuses: statuses(),
        closed: state.closed,
        ms: performance.now() - started,
      };
    },
    close: () => socket.destroy(),
  };
}

/** Sends bytes on a connection of their own. */
export async function raw(
  url: string,
  bytes: string | Buffer,
  options?: { answers?: number; ms?: number },
): Promise<RawAnswer> {
  const connection = await rawConnection(url);
  connection.send(bytes);
  const answer = await connection.answer(options);
  connection.close();
  return answer;
}

/** A header block with the lines that every request needs. */
export function head(line: string, ...lines: string[]): string {
  return [line, 'Host: cloud.test', ...lines, '', ''].join('\r\n');
}
