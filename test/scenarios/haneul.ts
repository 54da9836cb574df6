// A real cloud for a scenario: `./haneul up` in a directory of its own, and the real client against it.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. @throws Error when it fails, unless told to allow it */
export function run(
  command: string[],
  options: { env?: Record<string, string>; timeoutMs?: number; allow?: boolean; input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
    child.on('error', reject);
    child.on('close', status => {
      clearTimeout(timer);
      if (status !== 0 && !options.allow)
        reject(new Error(`${command.join(' ')}: exit ${status}\n${stdout.slice(-2_000)}\n${stderr.slice(-2_000)}`));
      else resolve({ status: status ?? -1, stdout, stderr });
    });
  });
}

// biome-ignore lint: the client's JSON is asserted by the scenario that reads it
type Json = any;

/** The `openstack` client as one user of one project. */
export interface Client {
  /** Runs a command and parses its JSON. */
  (...args: string[]): Promise<Json>;
  /** Runs a command without `-f json`. */
  plain(...args: string[]): Promise<string>;
  /** Runs a command that is expected to fail. @returns what it said */
  refused(...args: string[]): Promise<string>;
}

export interface RealCloud extends Marks, AsyncDisposable {
  url: string;
  admin: Client;
  /** A client for a user that exists. */
  client(user: string, password: string, project: string): Client;
  haneul(...args: string[]): Promise<Ran>;
  up(): Promise<Ran>;
}

/** Starts a cloud. @param cidr its external network, apart from every other cloud on the machine */
export async function realCloud(name: string, cidr: string, env: Record<string, string> = {}): Promise<RealCloud> {
  const data = mkdtempSync(`/var/tmp/haneul-${name}-`);
  const variables = { HANEUL_EXTERNAL_NETWORK_CIDR: cidr, ...env };
  const haneul = (...args: string[]): Promise<Ran> =>
    run([join(root, 'haneul'), ...args, '--data', data], { env: variables, timeoutMs: 600_000 });
  // Any free port the first time; the same one from then on.
  let listen = '127.0.0.1:0';
  const up = async (): Promise<Ran> => {
    const ran = await haneul('up', '--detach', '--listen', listen);
    listen = new URL(await readUrl(data)).host;
    return ran;
  };
  await up();
  const url = await readUrl(data);
  const { password } = await readJson(join(data, 'run', 'credentials.json'));
  const client = (user: string, secret: string, project: string): Client => {
    const auth = {
      OS_AUTH_URL: `${url}/identity/v3`,
      OS_USERNAME: user,
      OS_PASSWORD: secret,
      OS_PROJECT_NAME: project,
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
      OS_IDENTITY_API_VERSION: '3',
      PATH: `/usr/bin:/bin:/usr/sbin:/sbin`,
    };
    const call = async (...args: string[]): Promise<Json> => {
      const { stdout } = await run(['/usr/bin/openstack', ...args, '-f', 'json'], { env: auth, timeoutMs: 600_000 });
      return stdout.trim() ? JSON.parse(stdout) : undefined;
    };
    call.plain = async (...args: string[]): Promise<string> =>
      (await run(['/usr/bin/openstack', ...args], { env: auth, timeoutMs: 600_000 })).stdout;
    call.refused = async (...args: string[]): Promise<string> => {
      const { status, stderr, stdout } = await run(['/usr/bin/openstack', ...args], { env: auth, allow: true });
      if (status === 0) throw new Error(`openstack ${args.join(' ')} was expected to fail: ${stdout}`);
      return stderr;
    };
    return call;
  };
  return {
    id: readFileSync(join(data, 'host', 'cloud-id'), 'utf8').trim(),
    data,
    url,
    admin: client('admin', password, 'admin'),
    client,
    haneul,
    up,
    async [Symbol.asyncDispose]() {
      await haneul('destroy', '--yes').catch(error => process.stderr.write(`${String(error)}\n`));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function readJson(file: string): Promise<Json> {
  const { readFile } = await import('node:fs/promises');
  return JSON.parse(await readFile(file, 'utf8'));
}

async function readUrl(data: string): Promise<string> {
  return (await readJson(join(data, 'run', 'ready.json'))).url;
}

/** Tries until it succeeds. @throws the last failure after `timeoutMs` */
export async function eventually<T>(attempt: () => Promise<T>, timeoutMs = 60_000, everyMs = 500): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise(resolve => setTimeout(resolve, everyMs));
    }
  }
}

export function sshTo(
  address: string,
  key: string,
  command: string[],
  options: { user?: string; timeoutMs?: number } = {},
): Promise<Ran> {
  const flags = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=5',
    'BatchMode=yes',
    'PasswordAuthentication=no',
  ].flatMap(flag => ['-o', flag]);
  return run(['ssh', ...flags, '-i', key, `${options.user ?? 'cirros'}@${address}`, ...command], {
    timeoutMs: options.timeoutMs ?? 60_000,
  });
}

/** Kills a process of the cloud as an accident would: `control`, `agent` or `supervisor`. */
export async function killRole(data: string, role: string): Promise<void> {
  // Between two starts there is nothing to kill.
  await eventually(
    async () =>
      process.kill(Number(readFileSync(join(data, 'supervisor', `${role}.pid`), 'utf8').match(/\d+/)?.[0]), 'SIGKILL'),
    30_000,
    20,
  );
}

/** The machine's state once it has not changed for 3 s. */
export async function calmHostState(cloud: Marks): Promise<string[]> {
  let last = await hostState(cloud);
  for (let calm = 0; calm < 3; ) {
    await new Promise(resolve => setTimeout(resolve, 1_000));
    const state = await hostState(cloud);
    calm = state.join() === last.join() ? calm + 1 : 0;
    last = state;
  }
  return last;
}

/** What tells a cloud's things on this machine from another's. */
export interface Marks {
  /** Part of the names of its namespaces and tables, and of its interfaces' aliases. */
  id: string;
  data: string;
}

/** A cloud that is not there: for what is on the machine besides clouds. */
export const noCloud: Marks = { id: 'none', data: '/nowhere' };

/**
 * What is on this machine of a cloud, and of nobody: interfaces, namespaces, tables, guests' processes. Other clouds may be
 * on the machine; theirs is left out.
 */
export async function hostState({ id, data }: Marks): Promise<string[]> {
  const lines = async (...command: string[]): Promise<string[]> =>
    (await run(command, { allow: true })).stdout.split('\n').filter(Boolean);
  const links = JSON.parse((await run(['ip', '-j', 'link'])).stdout) as { ifname: string; ifalias?: string }[];
  const state = [
    ...links
      .filter(({ ifalias = '' }) => !ifalias.startsWith('haneul:') || ifalias.startsWith(`haneul:${id}:`))
      .map(link => `link ${link.ifname}`),
    ...(await lines('ip', 'netns', 'list'))
      .map(line => `netns ${line.split(' ')[0]}`)
      .filter(line => !/ hn[0-9a-f]{6}-/.test(line) || line.includes(` hn${id}-`)),
    ...(await lines('nft', 'list', 'tables')).filter(line => line.includes(`haneul-${id}-`)).map(line => `nft ${line}`),
  ];
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const words = commandOf(pid);
    if (/qemu|dnsmasq/.test(words[0] ?? '') && words.some(word => word.includes(data) || word.includes(`/${id}/`)))
      state.push(`process ${basename(words[0]!)}`);
  }
  return state.sort();
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // It has ended meanwhile.
  }
}
