// What a test process would leave behind when it is killed: servers and their directories. A shell waits for the end of
// this process, whichever that is, and then ends and removes what is still named.

import { type ChildProcess, spawn } from 'node:child_process';

const processes = new Set<number>();
const directories = new Set<string>();
let shell: ChildProcess | undefined;

/** Ends with this process, if it has not ended before. */
export function endsWithUs(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  processes.add(pid);
  child.once('exit', () => {
    processes.delete(pid);
    tell();
  });
  tell();
}

/** Goes with this process. @returns what to call once it was removed */
export function goesWithUs(directory: string): () => void {
  directories.add(directory);
  tell();
  return () => {
    directories.delete(directory);
    tell();
  };
}

/** The last line that it was told is what it does. */
function tell(): void {
  if (!shell) {
    const script = 'while read -r line; do last=$line; done; eval "$last"';
    // Of a session of its own: what is typed at the terminal does not reach it.
    shell = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.on('error', () => {});
    shell.stdin!.on('error', () => {});
    shell.unref();
    (shell.stdin as unknown as { unref(): void }).unref();
  }
  const ids = [...processes].join(' ');
  // PostgreSQL ends its own children when it is asked to, and only when it runs.
  const end = ids ? `kill -QUIT ${ids}; kill -CONT ${ids}; sleep 1; kill -KILL ${ids};` : '';
  const remove = [...directories].map(directory => `rm -rf '${directory}';`).join(' ');
  shell.stdin!.write(`${end} ${remove} true\n`);
}
