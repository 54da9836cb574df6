// HTTPS: whoever comes without it is turned away, a renewed certificate is used at once, and wrong files stop the start.

import { equal, match, notEqual, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { createAuthority, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type TestCloud, testCloud } from '../../../test/test-cloud.ts';
import { tlsOptions } from './tls.ts';

const parts = { clock: systemClock(), random: systemRandom() };

test('HTTPS, and nothing else', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const authority = await createAuthority(parts);
  const files = {
    certificateFile: join(directory, 'own.pem'),
    keyFile: join(directory, 'own.key'),
    clientCaFile: null,
  };
  const renew = async (at: number): Promise<void> => {
    const own = await issueCertificate(authority, { names: ['cloud'], addresses: ['127.0.0.1'] }, parts);
    writeFileSync(files.certificateFile, own.certificate);
    writeFileSync(files.keyFile, own.key);
    for (const file of [files.certificateFile, files.keyFile]) utimesSync(file, at, at);
  };
  await renew(1);
  await using cloud = await testCloud({ hosts: 0, tls: files });
  equal((await cloud.as('member').get('/compute/v2.1/servers')).servers.length, 0);
  match((await cloud.anonymous().get('/identity/v3')).version.links[0].href, /^https:/);

  const peer = await certificateOf(cloud, authority.certificate);
  equal(await plainStatus(cloud), 'refused');
  await rawLine(cloud);
  await cloud.as('member').get('/compute/v2.1/servers');

  await renew(2);
  await cloud.advance(60_000);
  notEqual((await certificateOf(cloud, authority.certificate)).serialNumber, peer.serialNumber);
  // Half a renewal: the key is not the certificate's.
  writeFileSync(files.keyFile, (await issueCertificate(authority, { names: ['x'] }, parts)).key);
  await cloud.advance(60_000);
  await cloud.as('member').get('/compute/v2.1/servers');
  throws(() => tlsOptions(files), Problem);
  throws(() => tlsOptions({ ...files, keyFile: join(directory, 'nowhere') }), Problem);
});

function certificateOf({ url }: TestCloud, ca: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function plainStatus({ url }: TestCloud): Promise<string> {
  return new Promise(resolve => {
    const asked = request(url.replace('https', 'http'), { agent: false }, answer => {
      answer.resume();
      resolve(answer.statusCode === 400 ? 'refused' : String(answer.statusCode));
    });
    asked.on('error', () => resolve('refused'));
    asked.end();
  });
}

/** Bytes that are no handshake end the connection and nothing else. */
function rawLine({ url }: TestCloud): Promise<void> {
  return new Promise(resolve => {
    const socket = connectPlain(Number(new URL(url).port), '127.0.0.1', () => socket.write('\0'.repeat(64)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
  });
}
