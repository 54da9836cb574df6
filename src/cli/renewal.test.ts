// A machine's certificate that ends soon is made anew and put in its place, also across a power cut.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { askSelf } from '#/cluster/client.ts';
import { clusterMigrations, putMember } from '#/cluster/cluster.store.ts';
import { factsOf } from '#/cluster/join.ts';
import { clusterListener } from '#/cluster/listener.ts';
import { hostMigrations } from '#/host/hosts.store.ts';
import { createAuthority, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { loadConfig } from '#/platform/config/config.ts';
import { dataPaths } from '#/platform/config/data-directory.ts';
import { migrate } from '#/platform/database/migrations.ts';
import { createLogger } from '#/platform/log/log.ts';
import { testDatabase } from '../../test/postgres/test-database.ts';
import { virtualClock } from '../../test/virtual-clock.ts';
import { endsSoon, isDue, nextFilesIn } from './certificate-end.ts';
import { ensureClusterFiles, finishReplacing, keepCredential, replaceCredential } from './cluster-files.ts';
import { keepCertificates } from './renewal.ts';

const parts = { clock: systemClock(), random: systemRandom() };
const log = createLogger('test', 'silent');
const directory = mkdtempSync(join(tmpdir(), 'haneul-renewal-'));
after(() => rmSync(directory, { recursive: true }));

const owner = { name: 'me', uid: process.getuid!(), gid: process.getgid!() };

/** Whether key and certificate there are one pair. */
function isPair(at: string): boolean {
  const { certFile, keyFile } = tlsFilesIn(at);
  return new X509Certificate(readFileSync(certFile)).checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
}

test('a new pair takes the place of the one before, whole, wherever it is interrupted', async () => {
  const authority = await createAuthority(parts);
  const machine = join(directory, 'machine');
  mkdirSync(machine);
  const old = await issueCertificate(authority, { names: ['old'], days: 100 }, parts);
  const made = await issueCertificate(authority, { names: ['new'] }, parts);
  replaceCredential(machine, old, null);
  ok(isPair(machine) && isDue(machine) && endsSoon(old.certificate) && !endsSoon(made.certificate));
  const next = nextFilesIn(machine);
  // Off after the key alone: the old pair stays.
  writeFileSync(next.key, made.key);
  finishReplacing(machine, null);
  ok(isPair(machine) && isDue(machine) && !existsSync(next.key));
  // Off when half of it was in place.
  writeFileSync(next.key, made.key);
  writeFileSync(next.certificate, made.certificate);
  writeFileSync(tlsFilesIn(machine).keyFile, made.key);
  ok(!isPair(machine));
  finishReplacing(machine, null);
  ok(isPair(machine) && !isDue(machine) && !existsSync(next.certificate));
});

test('the first machine makes its own anew, under the name that the bus knows', async () => {
  const paths = dataPaths(join(directory, 'data'));
  for (const path of [paths.control, paths.host]) mkdirSync(path, { recursive: true });
  const config = loadConfig({ env: { HANEUL_CLUSTER_ADDRESS: '127.0.0.1' } });
  const ensure = () => ensureClusterFiles(config, paths, { control: owner, bus: owner });
  await ensure();
  const namesOf = (): string | undefined =>
    new X509Certificate(readFileSync(tlsFilesIn(paths.machine).certFile)).subjectAltName;
  const before = namesOf();
  const authority = {
    certificate: readFileSync(tlsFilesIn(paths.cluster).caFile, 'utf8'),
    key: readFileSync(join(paths.cluster, 'authority.key'), 'utf8'),
  };
  const name = /DNS:([\w.-]+)/.exec(before ?? '')![1]!;
  const ask = { names: [name], addresses: ['127.0.0.1'], days: 30 };
  replaceCredential(paths.machine, await issueCertificate(authority, ask, parts), null);
  ok(isDue(paths.machine));
  await ensure();
  ok(!isDue(paths.machine) && isPair(paths.machine));
  deepEqual(namesOf(), before);
  equal(
    readFileSync(join(paths.cluster, 'host.crt'), 'utf8'),
    readFileSync(tlsFilesIn(paths.machine).certFile, 'utf8'),
  );
});

test('a machine that has joined asks the cloud for another, with the one that it has', async () => {
  const db = await testDatabase({ ...parts, slots: new Map() });
  await migrate(db, [...hostMigrations, ...clusterMigrations]);
  const authority = await createAuthority(parts);
  const port = await freePort();
  const listener = clusterListener({
    ...parts,
    db,
    sharedDatabase: true,
    authority,
    own: await issueCertificate(authority, { names: ['control.haneul'], addresses: ['127.0.0.1'] }, parts),
    log,
    settings: () => ({}),
    secrets: () => ({}),
    imageFor: async () => null,
    admit: () => null,
    joined: async () => {},
  });
  await listener.listen('127.0.0.1', port);
  const paths = dataPaths(join(directory, 'joined'));
  mkdirSync(paths.control, { recursive: true });
  const ask = { names: ['1.machine.haneul'], addresses: ['127.0.0.2'], days: 100 };
  const old = await issueCertificate(authority, ask, parts);
  keepCredential(paths, authority.certificate, old, owner);
  const row = { name: 'a', user: ask.names[0]!, roles: '["worker","host"]', address: '127.0.0.2' };
  const facts = { ...factsOf(old.certificate), tunnelAddress: row.address };
  await db.write(tx => putMember(tx, { ...row, ...facts }));

  const clock = virtualClock();
  const env = {
    HANEUL_CLUSTER_ADDRESS: '127.0.0.2',
    HANEUL_CLUSTER_SERVERS: `https://127.0.0.1:${port}`,
    HANEUL_ROLES: 'worker,host',
  };
  const users = { control: owner, bus: null };
  const end = await keepCertificates({ config: loadConfig({ env }), paths, users, clock, log });
  for (let tries = 0; isDue(paths.machine) || isDue(paths.cluster); tries++) {
    ok(tries < 400, 'it was not renewed');
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  end();
  ok(isPair(paths.machine) && isPair(paths.cluster));
  const read = (at: string): string => readFileSync(tlsFilesIn(at).certFile, 'utf8');
  equal(read(paths.machine), read(paths.cluster));
  equal(new X509Certificate(read(paths.machine)).subjectAltName, new X509Certificate(old.certificate).subjectAltName);
  const key = readFileSync(tlsFilesIn(paths.machine).keyFile, 'utf8');
  const identity = { authority: authority.certificate, certificate: read(paths.machine), key };
  ok(await askSelf(env.HANEUL_CLUSTER_SERVERS, identity));
  await listener.close();
  await db.close();
});

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
