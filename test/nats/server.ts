// A nats-server of a test's own, with certificates of its own authority.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsBusOptions } from '#/platform/bus/nats/nats-bus.ts';
import { createAuthority, type Credential, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { controlName, machineCertificateName, natsServerConfig } from '#/platform/bus/nats/server-config.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { endsWithUs, goesWithUs } from '../left-behind.ts';

const program = '/usr/sbin/nats-server';

export interface NatsServer extends AsyncDisposable {
  url: string;
  authority: Credential;
  /** What a participant connects with: `control`, or a host's token. */
  tls(name: string): NatsBusOptions['tls'] & {};
  /** A certificate of another authority that claims the same name. */
  forged(name: string): Promise<NatsBusOptions['tls'] & {}>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** These hosts from now on, without a restart. */
  setHosts(hosts: string[]): void;
}

export function hasNats(): boolean {
  return existsSync(program);
}

/** So many servers of one cluster. */
export async function natsCluster(hosts: string[], count: number): Promise<NatsServer[]> {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const routes = ports.map(port => `nats-route://127.0.0.1:${port}`);
  const [first, ...rest] = ports;
  const one = await natsServer(hosts, { port: first!, routes });
  const others = await Promise.all(rest.map(port => natsServer(hosts, { port, routes, authority: one.authority })));
  return [one, ...others];
}

interface ClusterPart {
  port: number;
  routes: string[];
  authority?: Credential;
}

export async function natsServer(hosts: string[], cluster?: ClusterPart): Promise<NatsServer> {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-nats-'));
  const removed = goesWithUs(directory);
  const parts = { clock: systemClock(), random: systemRandom() };
  const authority = cluster?.authority ?? (await createAuthority(parts));
  const write = (name: string, { certificate, key }: Credential): { certFile: string; keyFile: string } => {
    const [certFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
    writeFileSync(certFile, certificate);
    writeFileSync(keyFile, key, { mode: 0o600 });
    return { certFile, keyFile };
  };
  const caFile = join(directory, 'ca.crt');
  writeFileSync(caFile, authority.certificate);
  const nameOf = (name: string): string => (name === 'control' ? controlName : machineCertificateName(name));
  const ask = (name: string) => ({ names: [nameOf(name)] });
  const own = await issueCertificate(authority, { names: ['localhost'], addresses: ['127.0.0.1'] }, parts);
  const tls = { caFile, ...write('server', own) };
  for (const name of ['control', ...hosts]) write(name, await issueCertificate(authority, ask(name), parts));
  const port = await freePort();
  const config = join(directory, 'nats-server.conf');
  const configure = (known: string[]): void =>
    writeFileSync(
      config,
      natsServerConfig({
        listen: `127.0.0.1:${port}`,
        tls,
        members: known.map(token => ({ user: nameOf(token), token })),
      }) +
        (cluster
          ? `cluster { name: test, listen: "127.0.0.1:${cluster.port}", routes: ${list(cluster.routes)} }\n`
          : ''),
    );
  configure(hosts);
  let server: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();

  const self: NatsServer = {
    url: `tls://127.0.0.1:${port}`,
    authority,
    tls: name => ({ caFile, certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) }),
    async forged(name) {
      const other = await createAuthority(parts);
      return { caFile, ...write(`forged-${name}`, await issueCertificate(other, ask(name), parts)) };
    },
    async start() {
      const child = spawn(program, ['-c', config], { stdio: 'ignore' });
      server = child;
      endsWithUs(child);
      ended = new Promise(resolve => child.once('close', resolve));
      for (let tries = 0; tries < 200; tries++) {
        if (await answers(port)) return;
        if (child.exitCode !== null) break;
        await new Promise(resolve => setTimeout(resolve, 25));
      }
      throw new Error('nats-server did not start');
    },
    async stop() {
      server?.kill('SIGKILL');
      await ended;
    },
    setHosts(known) {
      configure(known);
      server?.kill('SIGHUP');
    },
    async [Symbol.asyncDispose]() {
      await self.stop();
      rmSync(directory, { recursive: true, force: true });
      removed();
    },
  };
  await self.start();
  return self;
}

function list(words: string[]): string {
  return `[${words.map(word => `"${word}"`).join(', ')}]`;
}

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
