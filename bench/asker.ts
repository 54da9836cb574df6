// Hammers one address and prints the figures. A process of its own: it runs where it is told, the peer's network included.
//   node asker.ts '{"host": …, "port": …, "requests": ["GET …", …], "connections": 8, "seconds": 3}'

import { hammer, type Hammering } from './hammer.ts';

const { requests, ...options } = JSON.parse(process.argv[2]!) as Omit<Hammering, 'request'> & { requests: string[] };
const prepared = requests.map(request => Buffer.from(request));
let turn = 0;
const done = await hammer({ ...options, request: () => prepared[turn++ % prepared.length]! });
process.stdout.write(JSON.stringify(done));
