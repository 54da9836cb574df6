// From a host to the cluster listener of the control plane that asked for a stream: with its certificate, and the ticket.

import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Destination } from '#/host/commands.ts';
import type { TlsFiles } from '#/platform/bus/nats/configured.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

/** What the connection becomes once it is let in. */
export const streamProtocol = 'haneul-stream';

const answersMs = 10_000;

const t = texts('host.dial', {
  notLetIn: {
    en: 'The control plane at {server} does not take what it asked for: {reason}',
    ko: '{server}의 컨트롤 플레인이 요청한 내용을 받지 않습니다: {reason}',
  },
});

/** @returns connects; throws Problem unavailable when that control plane is not in reach, or knows nothing of the ticket */
export function controlDialer({ caFile, certFile, keyFile }: TlsFiles) {
  return ({ server, ticket }: Destination): Promise<Duplex> => {
    // Read anew each time: a machine that joins again has other ones.
    const [ca, cert, key] = [caFile, certFile, keyFile].map(file => readFileSync(file));
    const headers = { connection: 'upgrade', upgrade: streamProtocol };
    return new Promise((resolve, reject) => {
      const fail = (reason: string, cause?: Error): void =>
        reject(new Problem('unavailable', t.notLetIn, { server, reason }, cause && { cause }));
      const asked = request(new URL(`/streams/${ticket}`, server), {
        ca,
        cert,
        key,
        headers,
        agent: false,
        minVersion: 'TLSv1.3',
        timeout: answersMs,
      });
      asked.on('upgrade', (_answer, socket, head) => {
        socket.setTimeout(0);
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      asked.on('response', answer => {
        answer.resume();
        fail(`HTTP ${answer.statusCode}`);
      });
      asked.on('timeout', () => asked.destroy(new Error('timeout')));
      asked.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
      asked.end();
    });
  };
}
