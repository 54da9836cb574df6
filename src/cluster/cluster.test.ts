// Who is let into a cluster, and what the machines of it may have: each with a certificate, on a real listener.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { commandSubject, type Destination, offerDiskCopy, openConsole } from '#/host/commands.ts';
import { controlDialer } from '#/host/dial-control.ts';
import { hostMigrations } from '#/host/hosts.store.ts';
import { offerConsole, offerFile } from '#/host/offers.ts';
import { createHostStreams, takeStream } from '#/host/streams.ts';
import {
  createAuthority,
  type Credential,
  issueCertificate,
  requestCertificate,
} from '#/platform/bus/nats/certificates.ts';
import { livelyClock } from '#/platform/bus/contract.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { type Clock, systemRandom } from '#/platform/clock/clock.ts';
import { migrate } from '#/platform/database/migrations.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem, type ProblemKind } from '#/platform/problem/problem.ts';
import { testDatabase } from '../../test/postgres/test-database.ts';
import { virtualClock } from '../../test/virtual-clock.ts';
import { askSecrets, askSelf, askToJoin, askToRenew, findAuthority } from './client.ts';
import {
  clusterMigrations,
  invite,
  listInvitations,
  listMembers,
  putMember,
  removeMember,
  revokeInvitation,
} from './cluster.store.ts';
import { busMember, factsOf, joinCluster } from './join.ts';
import { clusterListener } from './listener.ts';
import { fingerprintOf } from './machine.api.ts';
import { readSecrets, writeSecrets } from './secrets.ts';
import { readToken, writeToken } from './token.ts';

const log = createLogger('test', 'silent');
const refused = (kind: ProblemKind) => (thrown: unknown) => thrown instanceof Problem && thrown.kind === kind;

async function cluster(clock: Clock, sharedDatabase = false) {
  const random = systemRandom();
  const db = await testDatabase({ clock, random, slots: new Map() });
  await migrate(db, [...hostMigrations, ...clusterMigrations]);
  const authority = await createAuthority({ clock, random });
  const parts = { db, clock, random, sharedDatabase };
  return {
    ...parts,
    authority,
    parts,
    invite: (ask: { roles?: string[]; name?: string | null; lifetimeSeconds?: number } = {}) =>
      db.write(tx => invite(tx, { roles: ['host'], name: null, lifetimeSeconds: 60, ...ask })),
    join: async (secret: string, name: string, more: { roles?: string[]; address?: string; request?: string } = {}) => {
      const { request } = await requestCertificate(name);
      const address = more.address ?? `10.0.0.${name.charCodeAt(0)}`;
      return joinCluster(
        authority,
        { secret, name, roles: ['host'], request, ...more, address, tunnelAddress: address },
        parts,
      );
    },
    close: () => db.close(),
  };
}

test('an invitation lets one machine in, once, in time, as what it was invited for', async () => {
  const clock = virtualClock();
  const cloud = await cluster(clock);
  const { secret } = await cloud.invite();
  const { member } = await cloud.join(secret, 'a');
  deepEqual(busMember(member), { user: member.user, token: 'a' });
  await rejects(cloud.join(secret, 'b'), refused('forbidden'));
  await rejects(cloud.join('x'.repeat(43), 'b'), refused('forbidden'));

  const late = await cloud.invite({ lifetimeSeconds: 60 });
  await clock.advance(61_000);
  await rejects(cloud.join(late.secret, 'b'), refused('forbidden'));
  const revoked = await cloud.invite();
  equal((await cloud.db.read(listInvitations)).length, 1);
  await cloud.db.write(tx => revokeInvitation(tx, revoked.id));
  await rejects(cloud.join(revoked.secret, 'b'), refused('forbidden'));

  // Two come with the same: one wins.
  const raced = await cloud.invite();
  const outcomes = await Promise.allSettled(['c', 'd', 'e', 'f'].map(name => cloud.join(raced.secret, name)));
  equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  equal((await cloud.db.read(listMembers)).length, 2);
  await cloud.close();
});

test('names, addresses and roles that are not the machine’s own are refused, and use nothing up', async () => {
  const cloud = await cluster(virtualClock());
  await cloud.join((await cloud.invite()).secret, 'a');
  const { secret } = await cloud.invite();
  await rejects(cloud.join(secret, 'a', { address: '10.9.9.9' }), refused('conflict'));
  await rejects(cloud.join(secret, 'b', { address: '10.0.0.97' }), refused('conflict'));
  await rejects(cloud.join(secret, 'b', { address: 'b.example.org' }), refused('invalid'));
  await rejects(cloud.join(secret, 'no name'), refused('invalid'));
  await rejects(cloud.join(secret, 'b', { request: 'nonsense' }), refused('invalid'));
  // Nobody else reaches a file on the first machine.
  await rejects(cloud.join(secret, 'b', { roles: ['api'] }), refused('unsupported'));
  await cloud.join(secret, 'b');

  // Anew under its name only with an invitation for that name; the certificate before is then nobody's.
  const [before] = await cloud.db.read(listMembers);
  const again = await cloud.invite({ name: 'a' });
  await rejects(cloud.join(again.secret, 'c'), refused('forbidden'));
  const { member } = await cloud.join(again.secret, 'a', { address: '10.0.0.5' });
  ok(member.fingerprint !== before!.fingerprint && member.user !== before!.user);
  equal((await cloud.db.read(listMembers)).length, 2);
  await cloud.close();

  const shared = await cluster(virtualClock(), true);
  await rejects(shared.join((await shared.invite()).secret, 'a', { roles: ['api', 'host'] }), refused('forbidden'));
  const both = await shared.invite({ roles: ['api', 'worker', 'host'] });
  equal(busMember((await shared.join(both.secret, 'a', { roles: ['api', 'worker'] })).member).token, null);
  await shared.close();
});

test('the listener: pinned, and each machine gets its own', async () => {
  const clock = livelyClock();
  const cloud = await cluster(clock);
  const directory = mkdtempSync(join(tmpdir(), 'haneul-cluster-'));
  const image = '11111111-2222-4333-8444-555555555555';
  const file = join(directory, 'image');
  writeFileSync(file, 'x'.repeat(300_000));
  const own = await issueCertificate(cloud.authority, { names: ['control.haneul'], addresses: ['127.0.0.1'] }, cloud);
  const listen = async (authority: Credential, mine: Credential) => {
    const port = await freePort();
    const listener = clusterListener({
      ...cloud.parts,
      authority,
      own: mine,
      log,
      settings: () => ({ bus_servers: [], cluster_servers: [] }),
      secrets: () => ({ 'fernet-keys/0': 'a2V5' }),
      imageFor: async (host, id) => (host === 'a' && id === image ? file : null),
      admit: () => null,
      joined: async () => {},
    });
    await listener.listen('127.0.0.1', port);
    return { server: `https://127.0.0.1:${port}`, close: listener.close };
  };
  const real = await listen(cloud.authority, own);
  const tokenFor = async (server: string) => {
    const { secret } = await cloud.invite();
    return readToken(writeToken({ server, authority: fingerprintOf(cloud.authority.certificate), secret }));
  };

  // Somebody in between, with an authority of his own, or with the right one beside a certificate that it did not sign.
  const other = await createAuthority(cloud);
  const forged = await issueCertificate(other, { names: ['control.haneul'], addresses: ['127.0.0.1'] }, cloud);
  for (const shown of [other, cloud.authority]) {
    const thief = await listen(shown, forged);
    const token = await tokenFor(thief.server);
    const ask = { name: 'a', roles: ['host'], address: '127.0.0.2', tunnelAddress: '127.0.0.2', request: '' };
    await rejects(async () => {
      const { certificate } = await findAuthority(token);
      await askToJoin(token, certificate, ask, 'en');
    }, Problem);
    await thief.close();
  }
  equal((await cloud.db.read(listMembers)).length, 0);

  const enter = async (name: string, address: string) => {
    const token = await tokenFor(real.server);
    const { certificate: authority, ownAddress } = await findAuthority(token);
    equal(ownAddress, '127.0.0.1');
    const { request, key } = await requestCertificate(name);
    const ask = { name, roles: ['host'], address, tunnelAddress: address, request };
    const { certificate } = await askToJoin(token, authority, ask, 'en');
    return { authority, certificate, key };
  };
  const a = await enter('a', '127.0.0.2');
  const b = await enter('b', '127.0.0.3');
  deepEqual(await askSelf(real.server, a), { name: 'a', up: false, enabled: true, version: null });
  const path = `/images/${image}`;
  deepEqual(await get(real.server, path, a), [200, 300_000]);
  equal((await get(real.server, path, b))[0], 404);
  equal((await get(real.server, path, { authority: a.authority }))[0], 401);
  equal((await get(real.server, '/images/../../etc/passwd', a))[0], 404);
  const alien = await issueCertificate(other, { names: ['a'] }, cloud);
  equal((await get(real.server, path, { authority: a.authority, ...alien }))[0], 401);
  // Signed, and yet nobody: the control plane has let no such machine in.
  const stray = await issueCertificate(cloud.authority, { names: ['a'] }, cloud);
  equal((await get(real.server, path, { authority: a.authority, ...stray }))[0], 401);
  await cloud.db.write(tx => removeMember(tx, 'a'));
  equal((await get(real.server, path, a))[0], 401);
  equal(await askSelf(real.server, a), null);

  // Keys are for control planes.
  await rejects(askSecrets(real.server, b), Problem);
  const { name, user, fingerprint, address, tunnelAddress, expiresAt } = (await cloud.db.read(listMembers))[0]!;
  const roles = '["worker"]';
  await cloud.db.write(tx => putMember(tx, { name, user, fingerprint, roles, address, tunnelAddress, expiresAt }));
  deepEqual(await askSecrets(real.server, b), { 'fernet-keys/0': 'a2V5' });
  await real.close();
  await cloud.close();
  rmSync(directory, { recursive: true });
});

test('a certificate is renewed under the same names; the one before counts until the new one is used', async () => {
  const clock = livelyClock();
  const cloud = await cluster(clock);
  const port = await freePort();
  const server = `https://127.0.0.1:${port}`;
  const listener = clusterListener({
    ...cloud.parts,
    authority: cloud.authority,
    own: await issueCertificate(cloud.authority, { names: ['control.haneul'], addresses: ['127.0.0.1'] }, cloud),
    log,
    settings: () => ({ bus_servers: [], cluster_servers: [] }),
    secrets: () => ({}),
    imageFor: async () => null,
    admit: () => null,
    joined: async () => {},
  });
  await listener.listen('127.0.0.1', port);
  const authority = cloud.authority.certificate;
  const { request, key } = await requestCertificate('a');
  const { secret } = await cloud.invite();
  const { member, certificate } = await cloud.join(secret, 'a', { request });
  const first = { authority, certificate, key };
  const renewed = async (from: typeof first): Promise<typeof first> => {
    const asked = await requestCertificate('a');
    return { authority, certificate: await askToRenew(server, from, asked.request), key: asked.key };
  };
  // One answer that is lost, and another that is kept: the first certificate is still good for both.
  const lost = await renewed(first);
  const second = await renewed(first);
  ok(await askSelf(server, first));
  equal(await askSelf(server, lost), null);
  ok(await askSelf(server, second));
  equal(await askSelf(server, first), null);
  await rejects(renewed(first), Problem);
  const [now] = await cloud.db.read(listMembers);
  deepEqual([now!.user, now!.nextFingerprint], [member.user, null]);
  equal(now!.fingerprint, factsOf(second.certificate).fingerprint);

  // The listener's own, while it listens.
  const other = await issueCertificate(cloud.authority, { names: ['new.haneul'], addresses: ['127.0.0.1'] }, cloud);
  listener.show(other);
  const seen = await new Promise<string>(resolve => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
  });
  equal(seen, 'new.haneul');
  await cloud.db.write(tx => removeMember(tx, 'a'));
  await rejects(renewed(second), Problem);
  await listener.close();
  await cloud.close();
});

test('a host brings what it was asked for to who asked, once, and no other host does', async () => {
  const clock = livelyClock();
  const cloud = await cluster(clock);
  const { random } = cloud;
  const directory = mkdtempSync(join(tmpdir(), 'haneul-streams-'));
  const issue = (name: string) => issueCertificate(cloud.authority, { names: [name], addresses: ['127.0.0.1'] }, cloud);
  const files = async (name: string) => {
    const made = await issue(name);
    const at = (kind: string, text: string): string => {
      writeFileSync(join(directory, `${name}.${kind}`), text);
      return join(directory, `${name}.${kind}`);
    };
    const { fingerprint, expiresAt } = factsOf(made.certificate);
    const row = { name, user: name, fingerprint, roles: '["host"]', address: name, tunnelAddress: name, expiresAt };
    if (name !== 'stray') await cloud.db.write(tx => putMember(tx, row));
    return {
      caFile: at('ca', cloud.authority.certificate),
      certFile: at('crt', made.certificate),
      keyFile: at('key', made.key),
    };
  };
  const port = await freePort();
  const server = `https://127.0.0.1:${port}`;
  const streams = createHostStreams({ own: 'here', server, random });
  const listener = clusterListener({
    ...cloud.parts,
    authority: cloud.authority,
    own: await issue('control.haneul'),
    log,
    settings: () => ({ bus_servers: [], cluster_servers: [] }),
    secrets: () => ({}),
    imageFor: async () => null,
    admit: streams.admit,
    joined: async () => {},
  });
  await listener.listen('127.0.0.1', port);
  const screen = createServer(socket => {
    socket.write('RFB 003.008\n');
    socket.pipe(socket);
  });
  const target = join(directory, 'screen');
  await new Promise<void>(resolve => screen.listen(target, resolve));
  const disk = join(directory, 'disk');
  writeFileSync(disk, Buffer.alloc(3 << 20, 7));

  const bus = memoryBus({ clock, log });
  const [a, b, stray] = [await files('a'), await files('b'), await files('stray')];
  const asked: Destination[] = [];
  const serve = (host: string, tls: typeof a): void => {
    const place = { consoleDirectory: null, dial: controlDialer(tls), random, clock };
    bus.serve(commandSubject(host, openConsole.name), async message => {
      const { to } = message as { to?: Destination };
      if (to) asked.push(to);
      return { path: await offerConsole(place, target, to) };
    });
    bus.serve(commandSubject(host, offerDiskCopy.name), async message => {
      const { to } = message as { to?: Destination };
      return offerFile(place, { path: disk, uid: process.getuid!() }, to);
    });
  };
  serve('a', a);
  serve('c', b);
  serve('d', stray);
  const key = 'server/11111111-2222-4333-8444-555555555555' as const;
  const screenOf = (host: string) => takeStream({ bus, clock, streams }, host, openConsole, { key, kind: 'vnc' });
  const { stream, answer } = await screenOf('a');
  equal(answer.path, null);
  stream!.write('hello');
  let heard = '';
  for await (const bytes of stream as AsyncIterable<Buffer>) if ((heard += bytes.toString()).endsWith('hello')) break;
  equal(heard, 'RFB 003.008\nhello');

  const copied = await takeStream({ bus, clock, streams }, 'a', offerDiskCopy, { key, id: key.slice(7) });
  equal(copied.answer.sizeBytes, 3 << 20);
  equal((await buffer(copied.stream!)).length, 3 << 20);

  // Used up; another host's; nobody's; and what was never asked for.
  await rejects(controlDialer(a)(asked[0]!), refused('unavailable'));
  await rejects(screenOf('c'), refused('unavailable'));
  await rejects(screenOf('d'), refused('unavailable'));
  await rejects(controlDialer(a)({ server, ticket: 'x'.repeat(32) }), refused('unavailable'));
  // On the machine itself nothing goes over the network.
  equal(streams.expect('here'), null);
  screen.close();
  await bus.close();
  await listener.close();
  await cloud.close();
  rmSync(directory, { recursive: true });
});

test('keys from elsewhere are followed, and written where keys are', () => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-secrets-'));
  const control = join(directory, 'control');
  const first = {
    'fernet-keys/0': 'MA==',
    'fernet-keys/1': 'MQ==',
    'jws-keys/private/x.pem': 'eA==',
    'cluster/authority.key': 'YQ==',
  };
  ok(writeSecrets(control, first));
  deepEqual(readSecrets(control), first);
  ok(!writeSecrets(control, first));
  const next = { 'fernet-keys/0': 'Mw==', 'fernet-keys/2': 'MA==', 'cluster/authority.key': 'YQ==' };
  ok(writeSecrets(control, { ...next, '../x': 'eA==', 'fernet-keys/../../x': 'eA==', 'haneul.db': 'eA==' }));
  deepEqual(readSecrets(control), next);
  deepEqual(readdirSync(directory), ['control']);
  // An answer that says nothing takes nothing away.
  ok(!writeSecrets(control, {}));
  rmSync(directory, { recursive: true });
});

test('a token that is none', async () => {
  for (const text of ['', 'x', Buffer.from('1 http://10.0.0.1:8701 x y').toString('base64url')])
    await rejects(async () => readToken(text), refused('invalid'));
});

function get(
  server: string,
  path: string,
  { authority: ca, certificate: cert, key }: { authority: string; certificate?: string; key?: string },
): Promise<[status: number, bytes: number]> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(`${server}${path}`, { ca, cert, key, agent: false }, answer => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('end', () => resolve([answer.statusCode!, bytes]));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
