// The main job, end to end: one command makes a cloud, the real client starts real guests on a real network and logs in.

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Client, eventually, hostState, killRole, noCloud, realCloud, run, sshTo } from './haneul.ts';

test('a server on a private network, from one command to its end', { timeout: 1_500_000 }, async t => {
  const before = await hostState(noCloud);
  let marks = noCloud;
  {
    await using cloud = await realCloud('journey', '172.31.77.0/24');
    const { admin } = cloud;
    marks = cloud;
    const key = join(cloud.data, 'journey-key');

    await t.test('a second up finds everything in place', async () => {
      const started = performance.now();
      await cloud.up();
      ok(performance.now() - started < 10_000, 'it takes no time');
    });

    const projects = ['one', 'two'].map(name => ({
      name,
      password: `${name}-secret-password`,
      client: undefined as unknown as Client,
    }));
    await t.test('two projects with a user each', async () => {
      for (const project of projects) {
        await admin('project', 'create', project.name);
        await admin('user', 'create', `user-${project.name}`, '--password', project.password);
        await admin.plain('role', 'add', '--project', project.name, '--user', `user-${project.name}`, 'member');
        project.client = cloud.client(`user-${project.name}`, project.password, project.name);
      }
    });
    const one = projects[0]!.client;
    const two = projects[1]!.client;

    await t.test('keypair, network, subnet, router, security group', async () => {
      writeFileSync(key, await one.plain('keypair', 'create', 'key'), { mode: 0o600 });
      await one('network', 'create', 'net');
      await one('subnet', 'create', 'sub', '--network', 'net', '--subnet-range', '10.0.0.0/24');
      await one('router', 'create', 'gate');
      await one.plain('router', 'set', 'gate', '--external-gateway', 'public');
      await one.plain('router', 'add', 'subnet', 'gate', 'sub');
      await one('security', 'group', 'create', 'web');
      await one('security', 'group', 'rule', 'create', 'web', '--protocol', 'tcp', '--dst-port', '22');
      await one('security', 'group', 'rule', 'create', 'web', '--protocol', 'icmp');
    });

    let floating = '';
    await t.test('server create --wait with user data, and ssh to its floating IP', async () => {
      const userData = join(cloud.data, 'user-data');
      writeFileSync(userData, '#!/bin/sh\necho from-user-data > /tmp/ran\n');
      const server = await one(
        'server',
        'create',
        'first',
        '--image',
        'haneul-tiny',
        '--flavor',
        'tiny',
        '--network',
        'net',
        '--security-group',
        'web',
        '--key-name',
        'key',
        '--user-data',
        userData,
        '--wait',
      );
      equal(server.status, 'ACTIVE');
      floating = (await one('floating', 'ip', 'create', 'public')).floating_ip_address;
      await one.plain('server', 'add', 'floating', 'ip', 'first', floating);
      await eventually(() => sshTo(floating, key, ['true']), 180_000);
      await run(['ping', '-c', '1', '-W', '2', floating]);
    });

    await t.test('in the guest: hostname, metadata, user data', async () => {
      equal((await sshTo(floating, key, ['hostname'])).stdout.trim(), 'first');
      equal(
        (await eventually(() => sshTo(floating, key, ['cat', '/tmp/ran']), 30_000)).stdout.trim(),
        'from-user-data',
      );
      const { stdout } = await sshTo(floating, key, [
        'curl',
        '-s',
        'http://169.254.169.254/openstack/latest/meta_data.json',
      ]);
      equal(JSON.parse(stdout).name, 'first');
      match(
        (await sshTo(floating, key, ['curl', '-s', 'http://169.254.169.254/latest/meta-data/local-ipv4'])).stdout,
        /^10\.0\.0\./,
      );
    });

    await t.test('a volume appears as a second disk, and a file on it survives detach and attach', async () => {
      await one('volume', 'create', 'data', '--size', '1');
      await eventually(async () => equal((await one('volume', 'show', 'data')).status, 'available'));
      await one.plain('server', 'add', 'volume', 'first', 'data');
      await eventually(() => sshTo(floating, key, ['test', '-b', '/dev/vdb']), 60_000);
      await sshTo(floating, key, ['sudo', 'mkfs.ext4', '-q', '/dev/vdb']);
      await sshTo(floating, key, [
        'sudo',
        'mount',
        '/dev/vdb',
        '/mnt',
        '&&',
        'echo',
        'kept',
        '|',
        'sudo',
        'tee',
        '/mnt/file',
        '&&',
        'sudo',
        'umount',
        '/mnt',
        '&&',
        'sync',
      ]);
      await one.plain('server', 'remove', 'volume', 'first', 'data');
      await eventually(async () => equal((await one('volume', 'show', 'data')).status, 'available'));
      await rejects(sshTo(floating, key, ['test', '-b', '/dev/vdb']));
      await one.plain('server', 'add', 'volume', 'first', 'data');
      await eventually(() => sshTo(floating, key, ['test', '-b', '/dev/vdb']), 60_000);
      const { stdout } = await sshTo(floating, key, [
        'sudo',
        'mount',
        '/dev/vdb',
        '/mnt',
        '&&',
        'cat',
        '/mnt/file',
        '&&',
        'sudo',
        'umount',
        '/mnt',
      ]);
      equal(stdout.trim(), 'kept');
    });

    await t.test('an image is made of the server while it runs', async () => {
      await sshTo(floating, key, ['echo from-the-first > ~/mark && sync']);
      const made = await one('server', 'image', 'create', 'first', '--name', 'copy', '--wait');
      equal(made.status, 'active');
      equal((await one('server', 'show', 'first')).status, 'ACTIVE');
      await sshTo(floating, key, ['true']);
    });

    await t.test('a second server, made of it, is reachable from the first until the rule is removed', async () => {
      const userData = join(cloud.data, 'user-data');
      writeFileSync(userData, '#!/bin/sh\ncat /home/cirros/mark > /dev/ttyS0\n');
      const rules = await one('security', 'group', 'rule', 'list', 'web');
      const icmp = rules.find((rule: Record<string, string>) => rule['IP Protocol'] === 'icmp');
      await one(
        'server',
        'create',
        'second',
        '--image',
        'copy',
        '--user-data',
        userData,
        '--flavor',
        'tiny',
        '--network',
        'net',
        '--security-group',
        'web',
        '--key-name',
        'key',
        '--wait',
      );
      await eventually(
        async () => match(await one.plain('console', 'log', 'show', 'second'), /from-the-first/),
        180_000,
        2_000,
      );
      const address = (await one('server', 'show', 'second')).addresses.net[0] as string;
      await eventually(() => sshTo(floating, key, ['ping', '-c', '1', '-W', '2', address]), 120_000);
      await one.plain('security', 'group', 'rule', 'delete', icmp.ID);
      await eventually(() => rejects(sshTo(floating, key, ['ping', '-c', '1', '-W', '1', address])), 10_000);
      await one('security', 'group', 'rule', 'create', 'web', '--protocol', 'icmp');
    });

    await t.test('another project with the same addresses sees nothing of it', async () => {
      await two('network', 'create', 'net');
      await two('subnet', 'create', 'sub', '--network', 'net', '--subnet-range', '10.0.0.0/24');
      await two(
        'server',
        'create',
        'stranger',
        '--image',
        'haneul-tiny',
        '--flavor',
        'tiny',
        '--network',
        'net',
        '--wait',
      );
      deepEqual(
        (await two('server', 'list')).map((server: { Name: string }) => server.Name),
        ['stranger'],
      );
      const mine = (await one('server', 'show', 'first')).id;
      match(await two.refused('server', 'show', mine), /No server|not found|could not be found/i);
      const stranger = (await two('server', 'show', 'stranger')).addresses.net[0] as string;
      const addresses = (await one('server', 'list')).flatMap(
        (server: { Networks: { net: string[] } }) => server.Networks.net,
      );
      if (!addresses.includes(stranger)) await rejects(sshTo(floating, key, ['ping', '-c', '1', '-W', '1', stranger]));
    });

    await t.test('the console log shows the boot', async () => {
      match(await one.plain('console', 'log', 'show', 'first'), /first/);
    });

    await t.test('Haneul is killed and started while an ssh session stays open', async () => {
      const session = openSession(floating, key);
      await session.say('first');
      for (const role of ['control', 'agent', 'supervisor']) await killRole(cloud.data, role);
      await session.say('while it is away');
      await cloud.up();
      await session.say('after it is back');
      session.end();
      equal((await one('server', 'show', 'first')).status, 'ACTIVE');
    });

    await t.test('reboot, stop, start', async () => {
      const boot = async (): Promise<string> =>
        (await sshTo(floating, key, ['cat', '/proc/sys/kernel/random/boot_id'])).stdout.trim();
      const first = await boot();
      await one.plain('server', 'reboot', '--wait', 'first');
      const second = await eventually(boot, 180_000);
      notEqual(second, first);
      await one.plain('server', 'stop', 'first');
      await eventually(async () => equal((await one('server', 'show', 'first')).status, 'SHUTOFF'), 120_000);
      await one.plain('server', 'start', 'first');
      await eventually(async () => equal((await one('server', 'show', 'first')).status, 'ACTIVE'), 60_000);
      notEqual(await eventually(boot, 180_000), second);
    });

    await t.test('all deleted: nothing of the projects is left on the host', async () => {
      await one.plain('server', 'remove', 'volume', 'first', 'data');
      await one.plain('server', 'delete', '--wait', 'first', 'second');
      await two.plain('server', 'delete', '--wait', 'stranger');
      await eventually(() => one.plain('volume', 'delete', 'data'), 30_000);
      await one.plain('image', 'delete', 'copy');
      await one.plain('floating', 'ip', 'delete', floating);
      await one.plain('router', 'remove', 'subnet', 'gate', 'sub');
      await one.plain('router', 'delete', 'gate');
      for (const client of [one, two]) await client.plain('network', 'delete', 'net');
      await one.plain('security', 'group', 'delete', 'web');
      await eventually(async () => {
        const left = await hostState(cloud);
        deepEqual(
          left.filter(line => /tap|process qemu/.test(line)),
          [],
        );
      }, 30_000);
      deepEqual(await one('server', 'list'), []);
      deepEqual(await one('volume', 'list'), []);
    });
  }
  deepEqual(await hostState(marks), before, 'the machine is as it was before up');
});

/** An ssh session that stays open, and answers what it is told. */
function openSession(address: string, key: string): { say(word: string): Promise<void>; end(): void } {
  const flags = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'].flatMap(
    flag => ['-o', flag],
  );
  const child = spawn('ssh', [...flags, '-i', key, `cirros@${address}`, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let heard = '';
  child.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  return {
    async say(word) {
      child.stdin.write(`${word}\n`);
      await eventually(async () => ok(heard.includes(word), `the session did not answer "${word}"`), 30_000, 100);
    },
    end: () => void child.kill(),
  };
}
