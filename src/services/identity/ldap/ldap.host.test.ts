// A domain whose users are in a directory, with Debian's OpenLDAP server (slapd): lists, logins, groups, and its changes.
// Needs slapd and ldap-utils to be installed; runs its own server on a loopback port.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { publicId } from '#/services/identity/ldap/directory.store.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const suffix = 'dc=example,dc=org';
const root = `cn=admin,${suffix}`;
const v3 = '/identity/v3';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error('slapd does not listen');
}

async function directory() {
  const at = mkdtempSync(join(tmpdir(), 'haneul-slapd-'));
  mkdirSync(join(at, 'data'));
  const schemas = ['core', 'cosine', 'inetorgperson'].map(name => `include /etc/ldap/schema/${name}.schema`);
  const certificate = [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', join(at, 'key.pem'), '-out', join(at, 'cert.pem')],
  ];
  execFileSync('openssl', certificate, { stdio: 'ignore' });
  writeFileSync(
    join(at, 'slapd.conf'),
    [
      ...schemas,
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      `TLSCertificateFile ${at}/cert.pem`,
      `TLSCertificateKeyFile ${at}/key.pem`,
      'sizelimit size.soft=400 size.hard=400 size.prtotal=unlimited',
      'database mdb',
      'maxsize 67108864',
      `suffix "${suffix}"`,
      `rootdn "${root}"`,
      'rootpw secret',
      `directory ${at}/data`,
      'access to attrs=userPassword by anonymous auth by * none',
      'access to * by users read by anonymous auth',
      '',
    ].join('\n'),
  );
  const port = await freePort();
  const server = spawn('/usr/sbin/slapd', ['-h', `ldap://127.0.0.1:${port}`, '-f', join(at, 'slapd.conf'), '-d', '0'], {
    stdio: 'ignore',
  });
  const tool = (name: string, ldif: string): void => {
    execFileSync(name, ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', root, '-w', 'secret'], { input: ldif });
  };
  await listening(port);
  return {
    port,
    certificate: join(at, 'cert.pem'),
    add: (ldif: string) => tool('ldapadd', ldif),
    modify: (ldif: string) => tool('ldapmodify', ldif),
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
      rmSync(at, { recursive: true, force: true });
    },
  };
}

/** Passes connections on and counts them. */
async function counted(port: number) {
  let count = 0;
  const server = createServer(socket => {
    count++;
    const onward = connect(port, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => undefined);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    count: () => count,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => void server.close(() => resolve())),
  };
}

function person(id: string, more: string[] = []): string {
  return [
    `dn: cn=${id},ou=Users,${suffix}`,
    'objectClass: inetOrgPerson',
    `cn: ${id}`,
    `sn: ${id}-name`,
    `mail: ${id}@example.org`,
    `userPassword: ${id}-password`,
    'employeeType: TRUE',
    ...more,
    '',
    '',
  ].join('\n');
}

test('users and groups of a directory', async () => {
  await using ldap = await directory();
  ldap.add(
    [
      `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n`,
      `dn: ou=Users,${suffix}\nobjectClass: organizationalUnit\nou: Users\n`,
      `dn: ou=Groups,${suffix}\nobjectClass: organizationalUnit\nou: Groups\n`,
      `dn: cn=reader,${suffix}\nobjectClass: person\ncn: reader\nsn: r\nuserPassword: reader-password\n`,
    ].join('\n'),
  );
  ldap.add(
    person('alice', ['description: The first']) + person('bob') + person('carol').replace('Type: TRUE', 'Type: FALSE'),
  );
  ldap.add(
    [
      `dn: cn=devs,ou=Groups,${suffix}`,
      'objectClass: groupOfNames',
      ...['cn: devs', 'ou: Developers', 'description: Who develops'],
      `member: CN=alice, ou=Users,${suffix}`,
      `member: cn=carol,ou=Users,${suffix}`,
      '',
    ].join('\n'),
  );
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'staff' } }, 201);
  const configure = (more: object) =>
    admin.request('PUT', `${v3}/domains/${domain.id}/config`, {
      body: {
        config: {
          identity: { driver: 'ldap' },
          ldap: {
            url: `ldap://127.0.0.1:${ldap.port}`,
            user: `cn=reader,${suffix}`,
            password: 'reader-password',
            suffix,
            user_enabled_attribute: 'employeeType',
            group_tree_dn: `ou=Groups,${suffix}`,
            ...more,
          },
        },
      },
    });
  equal((await configure({})).status, 201);

  const list = async () => (await admin.get(`${v3}/users?domain_id=${domain.id}`)).users;
  const users: { name: string; id: string; enabled: boolean; email: string; description?: string }[] = await list();
  deepEqual(
    users.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, enabled }) => [name, enabled]),
    [
      ['alice-name', true],
      ['bob-name', true],
      ['carol-name', false],
    ],
  );
  const alice = users.find(({ name }) => name === 'alice-name')!;
  equal(alice.id, publicId(domain.id, 'user', 'alice'));
  equal(alice.email, 'alice@example.org');
  equal(alice.description, 'The first');
  ok(!JSON.stringify(users).includes('alice-password'));
  const { groups } = await admin.get(`${v3}/groups?domain_id=${domain.id}`);
  equal(groups[0].name, 'Developers');
  const members = (await admin.get(`${v3}/groups/${groups[0].id}/users`)).users;
  deepEqual(members.map(({ name }: { name: string }) => name).toSorted(), ['alice-name', 'carol-name']);

  // A role for the group reaches its member.
  const { roles } = await admin.get(`${v3}/roles?name=member`);
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'work', domain_id: domain.id } }, 201);
  await admin.put(`${v3}/projects/${project.id}/groups/${groups[0].id}/roles/${roles[0].id}`, undefined, 204);
  const login = (user: object, scope?: object) =>
    cloud.anonymous().request('POST', `${v3}/auth/tokens`, {
      body: { auth: { identity: { methods: ['password'], password: { user } }, ...(scope ? { scope } : {}) } },
    });
  const named = (name: string, password: string) => ({ name, password, domain: { name: 'staff' } });
  const scope = { project: { id: project.id } };
  const made = await login(named('alice-name', 'alice-password'), scope);
  equal(made.status, 201, JSON.stringify(made.body));
  equal(made.body.token.user.id, alice.id);
  equal((await login({ id: alice.id, password: 'alice-password' }, scope)).status, 201);
  equal((await login(named('bob-name', 'bob-password'), scope)).status, 401, 'not in the group');
  equal((await login(named('bob-name', 'bob-password'))).status, 201);
  for (const [name, password] of [
    ['alice-name', 'wrong'],
    ['alice-name', ''],
    ['nobody', 'x'],
    ['carol-name', 'carol-password'],
    ['*', 'alice-password'],
    ['alice-name)(sn=*', 'alice-password'],
    ['alice\\2a', 'alice-password'],
    ['\0', 'alice-password'],
  ] as const)
    equal((await login(named(name, password))).status, 401, JSON.stringify(name));

  // It is read, never written.
  equal((await admin.request('PATCH', `${v3}/users/${alice.id}`, { body: { user: { name: 'x' } } })).status, 403);
  equal((await admin.request('DELETE', `${v3}/users/${alice.id}`)).status, 403);
  equal(
    (await admin.request('POST', `${v3}/users`, { body: { user: { name: 'x', domain_id: domain.id } } })).status,
    403,
  );
  equal((await admin.request('DELETE', `${v3}/groups/${groups[0].id}`)).status, 403);
  equal((await admin.request('PUT', `${v3}/groups/${groups[0].id}/users/${alice.id}`)).status, 403);

  // What changes there changes here.
  const token = made.headers['x-subject-token']!;
  const worker = cloud.anonymous().with({ 'x-auth-token': token });
  await worker.get('/network/v2.0/networks');
  ldap.modify(`dn: cn=alice,ou=Users,${suffix}\nchangetype: modify\nreplace: employeeType\nemployeeType: FALSE\n`);
  await list();
  equal((await worker.request('GET', '/network/v2.0/networks')).status, 401);
  equal((await login(named('alice-name', 'alice-password'))).status, 401);
  ldap.modify(`dn: cn=bob,ou=Users,${suffix}\nchangetype: delete\n`);
  equal((await list()).find(({ name }: { name: string }) => name === 'bob-name').enabled, false);
  equal((await login(named('bob-name', 'bob-password'))).status, 401);

  // More than the server gives in one answer.
  ldap.add(Array.from({ length: 1_200 }, (_, at) => person(`many${at}`)).join(''));
  equal((await configure({ page_size: 300 })).status, 200);
  equal((await list()).filter(({ enabled }: { enabled: boolean }) => enabled).length, 1_200);

  // By TLS: with the right authority, the right name, and not without.
  const url = `ldap://localhost:${ldap.port}`;
  await configure({ url, use_tls: true, tls_cacertfile: ldap.certificate });
  equal((await login(named('many1-name', 'many1-password'))).status, 201);
  await configure({ url, use_tls: true });
  equal((await login(named('many1-name', 'many1-password'))).status, 503, 'an unknown authority');
  await configure({ url: `ldap://127.0.0.1:${ldap.port}`, use_tls: true, tls_cacertfile: ldap.certificate });
  equal((await login(named('many1-name', 'many1-password'))).status, 503, 'another name');
  await configure({ url: 'ldap://127.0.0.1:1' });
  equal((await login(named('many1-name', 'many1-password'))).status, 503);
  equal((await admin.request('GET', `${v3}/users?domain_id=${domain.id}`)).status, 503);
});

test('whoever is shut out in the directory is out here within ten seconds, without a query per request', async () => {
  await using ldap = await directory();
  await using proxy = await counted(ldap.port);
  ldap.add(
    [
      `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n`,
      `dn: ou=Users,${suffix}\nobjectClass: organizationalUnit\nou: Users\n`,
    ].join('\n'),
  );
  ldap.add(['alice', 'bob', 'carol'].map(id => person(id)).join(''));
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'staff' } }, 201);
  const url = `ldap://127.0.0.1:${proxy.port}`;
  const configured = { url, user: root, password: 'secret', suffix, group_tree_dn: suffix };
  const config = { identity: { driver: 'ldap' }, ldap: { ...configured, user_enabled_attribute: 'employeeType' } };
  equal((await admin.request('PUT', `${v3}/domains/${domain.id}/config`, { body: { config } })).status, 201);
  const logIn = async (name: string) => {
    const user = { name: `${name}-name`, password: `${name}-password`, domain: { id: domain.id } };
    const body = { auth: { identity: { methods: ['password'], password: { user } } } };
    const made = await cloud.anonymous().request('POST', `${v3}/auth/tokens`, { body });
    equal(made.status, 201, JSON.stringify(made.body));
    const bearer = cloud.anonymous().with({ 'x-auth-token': made.headers['x-subject-token']! });
    return async (): Promise<number> => (await bearer.request('GET', `${v3}/auth/projects`)).status;
  };
  const [alice, bob, carol] = [await logIn('alice'), await logIn('bob'), await logIn('carol')];
  const before = proxy.count();
  for (let at = 0; at < 60; at++) equal(await [alice, bob, carol][at % 3]!(), 200);
  ok(proxy.count() - before <= 3, `${proxy.count() - before} connections for 60 requests`);
  // In use all the time: asked about together.
  const then = proxy.count();
  for (let second = 0; second < 20; second++) {
    await cloud.advance(1_000);
    for (const each of [alice, bob, carol]) equal(await each(), 200);
    await cloud.settle();
  }
  const asked = proxy.count() - then;
  ok(asked >= 3 && asked <= 9, `${asked} connections in 20 s`);

  ldap.modify(`dn: cn=alice,ou=Users,${suffix}\nchangetype: modify\nreplace: employeeType\nemployeeType: FALSE\n`);
  ldap.modify(`dn: cn=bob,ou=Users,${suffix}\nchangetype: delete\n`);
  // Bob keeps asking; alice does not, and comes back at the end.
  let left = 10;
  while ((await bob()) === 200 && left-- > 0) {
    await cloud.advance(1_000);
    await cloud.settle();
  }
  ok(left > 0, 'out within ten seconds');
  await cloud.advance(left * 1_000);
  equal(await alice(), 401);
  equal(await carol(), 200);

  // A directory that does not answer shuts nobody out.
  await admin.patch(`${v3}/domains/${domain.id}/config`, { config: { ldap: { url: 'ldap://127.0.0.1:1' } } });
  await cloud.advance(30_000);
  equal(await carol(), 200);
});
