// The command line. Starts fast: a command's code is loaded when it is the one asked for.

import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(process.env.NODE_COMPILE_CACHE ?? join(import.meta.dirname, '../node_modules/.cache/compile'));

// The clock's timers keep no process alive; a command that waits for one of them must.
const alive = setInterval(() => {}, 1 << 30);
const { runCommandLine } = await import('#/cli/program.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
clearInterval(alive);
