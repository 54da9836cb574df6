// The key with which this cloud signs what it says of its users to others, and the certificate that they check it by.
// Made when it is first needed; one for the whole cluster, encrypted in the database.

import { generateKeyPair, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';

export interface SigningKey {
  /** PKCS #8, PEM. */
  privateKey: string;
  /** X.509, PEM. */
  certificate: string;
}

const tenYears = 10 * 365 * 86_400_000;

export interface SigningNeeds {
  vault: Vault;
  clock: Clock;
  random: Random;
}

/** @param name the certificate's subject */
export async function signingKey(db: Database, needs: SigningNeeds, name: string): Promise<SigningKey> {
  const { vault } = needs;
  const find = (): Promise<SigningKey | null> =>
    db.read(async tx => {
      const row = await federation(tx).selectFrom('samlKeys').selectAll().where('id', '=', 1).executeTakeFirst();
      return row ? { privateKey: vault.open(tx, row.sealedKey), certificate: row.certificate } : null;
    });
  const known = await find();
  if (known) return known;
  const made = await makeKey(needs, name);
  await db.write(tx =>
    federation(tx)
      .insertInto('samlKeys')
      .values({ id: 1, sealedKey: vault.seal(tx, made.privateKey), certificate: made.certificate })
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute(),
  );
  return (await find())!;
}

async function makeKey({ clock, random }: SigningNeeds, name: string): Promise<SigningKey> {
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 3072 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const { subtle } = webcrypto;
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  const { n, e, kty } = privateKey.export({ format: 'jwk' });
  const keys = {
    privateKey: await subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']),
    publicKey: await subtle.importKey('jwk', { n, e, kty }, algorithm, true, ['verify']),
  };
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [name.slice(0, 64)] }],
      serialNumber: `00${random.bytes(15).toString('hex')}`,
      notBefore: new Date(clock.now() - 86_400_000),
      notAfter: new Date(clock.now() + tenYears),
      signingAlgorithm: algorithm,
      keys: keys as never,
    },
    webcrypto as never,
  );
  return { privateKey: pem, certificate: `${certificate.toString('pem')}\n` };
}

/** The certificate's bytes in base64, as XML carries them. */
export function certificateBody(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}
