// Takes in those who connect while one control plane hands over to the next: they wait a moment, and nobody is turned away.

import { createServer, type Socket } from 'node:net';

export interface Gate {
  /** From now on another listens there; whoever waits is handed to `adopt`. */
  open(adopt: (socket: Socket) => void): void;
}

/** Listens where the one that is to go still listens, too. @throws Error when neither may */
export async function holdConnections(host: string, port: number): Promise<Gate> {
  const waiting = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, socket => {
    waiting.add(socket);
    socket.once('error', () => waiting.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host, port, reusePort: true }, resolve);
  });
  return {
    open(adopt) {
      server.close();
      for (const socket of waiting) {
        socket.removeAllListeners('error');
        adopt(socket);
      }
    },
  };
}
