// The runtime's own ceiling: node:http that answers one constant body, its size given in bytes. Prints its port.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = Buffer.alloc(Number(process.argv[2]), 'x');
const server = createServer((_, answer) => {
  answer.setHeader('content-type', 'application/json');
  answer.setHeader('content-length', body.length);
  answer.end(body);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.on('SIGTERM', () => process.exit(0));
