// Opens one listening socket in the namespace that this process was started in, hands it to the parent and ends.
// Arguments: host, port. A program of its own, because a process as a whole is in a namespace.

import { createServer } from 'node:net';

const [host = '', port = ''] = process.argv.slice(2);
const server = createServer();
server.on('error', cause => say({ failed: cause.message }));
server.listen({ host, port: Number(port), backlog: 128 }, () => process.send!({ listening: true }, server, done));

function say(message: { failed: string }): void {
  process.send!(message, done);
}

function done(): void {
  // The parent holds the socket now; its answer tells that it has arrived.
  process.once('message', () => process.exit(0));
}
