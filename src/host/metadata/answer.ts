// The metadata service: answers a guest from the plan itself, so it works from the first moment of the guest and with no
// control plane in reach. Who asks is known by where the request came in and from which address, never by what it says.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { documentAt } from '#/host/metadata/instance-documents.ts';
import { serverAt } from '#/host/metadata/server-at.ts';
import type { HostEntry } from '#/host/plan.ts';

/** @param entries the host's plan as it is now */
export function answerMetadata(
  entries: () => HostEntry[],
  from: { via: string; address: string },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.resume();
  const address = from.address.startsWith('::ffff:') ? from.address.slice(7) : from.address;
  const guest = serverAt(entries(), from.via, address);
  const path = (request.url ?? '/').split('?')[0]!;
  const document =
    guest && ['GET', 'HEAD'].includes(request.method ?? '') ? documentAt(guest.instanceData, path) : undefined;
  if (!document) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 Not Found\n');
    return;
  }
  const type = document.type === 'json' ? 'application/json' : 'text/plain';
  const body = Buffer.from(document.body);
  response
    .writeHead(200, { 'content-type': type, 'content-length': body.length })
    .end(request.method === 'HEAD' ? undefined : body);
}
