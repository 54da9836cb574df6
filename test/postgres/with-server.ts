// Runs a command with a PostgreSQL server of its own for the tests: `node test/postgres/with-server.ts node --test FILE…`.

import { spawn } from 'node:child_process';
import { postgresServer } from './server.ts';

const [program = 'true', ...args] = process.argv.slice(2);
const server = await postgresServer();
const child = spawn(program, args, {
  stdio: 'inherit',
  env: { ...process.env, HANEUL_TEST_DATABASE: server.url() },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const status = await new Promise<number | null>(resolve => child.on('close', resolve));
await server[Symbol.asyncDispose]();
process.exitCode = status ?? 1;
