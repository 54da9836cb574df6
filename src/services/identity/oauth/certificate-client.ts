// An OAuth 2.0 client that is a user with a certificate (RFC 8705): what the certificate says of its subject and issuer,
// put through the mapping `oauth2_mapping`, must be this user.

import type { ClientCertificate } from '#/platform/http/tls.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Rule, SchemaVersion } from '#/services/identity/federation/mappings/mapping.schema.ts';
import { applyMapping, type Assertion } from '#/services/identity/federation/mappings/mapping.rules.ts';
import { findMapping } from '#/services/identity/federation/mappings/mapping.store.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { enabledDomain, enabledUser, refused } from '#/services/identity/tokens/context.ts';
import { json } from '#/services/identity/wire.ts';

const mappingId = 'oauth2_mapping';

/**
 * The user who has that id and a certificate with these names, and a default project to work in.
 * @throws Problem unauthenticated
 */
export async function certificateClient(
  tx: Tx,
  id: string,
  names: Assertion,
): Promise<{ user: UserRow; projectId: string }> {
  const user = await enabledUser(tx, id);
  const domain = await enabledDomain(tx, user.domainId);
  const mapping = await findMapping(tx, mappingId);
  if (!mapping || user.defaultProjectId === null) throw refused();
  const rules = JSON.parse(mapping.rules) as Rule[];
  const mapped = applyMapping(rules, mapping.schemaVersion as SchemaVersion, names).user;
  // A mapping that names nobody would let everybody with a certificate be anybody.
  if (mapped.id === undefined && mapped.name === undefined && mapped.email === undefined) throw refused();
  const pairs: [wanted: string | undefined, is: unknown][] = [
    [mapped.id, user.id],
    [mapped.name, user.name],
    [mapped.email, json(user.extra)['email']],
    [mapped.domain?.id, domain.id],
    [mapped.domain?.name, domain.name],
  ];
  if (pairs.some(([wanted, is]) => wanted !== undefined && wanted !== is)) throw refused();
  return { user, projectId: user.defaultProjectId };
}

/** Attributes that the library names otherwise than Keystone does. */
const otherNames: Record<string, string> = {
  E: 'EMAILADDRESS',
  '0.9.2342.19200300.100.1.1': 'UID',
  '2.5.4.9': 'STREET',
};

/** As Keystone names them for mappings: `SSL_CLIENT_SUBJECT_DN_CN`, `SSL_CLIENT_ISSUER_DN_O`. */
export async function namesIn({ raw }: ClientCertificate): Promise<Assertion> {
  await import('reflect-metadata');
  const { X509Certificate } = await import('@peculiar/x509');
  const { subjectName, issuerName } = new X509Certificate(new Uint8Array(raw));
  const found: Record<string, string[]> = {};
  for (const [of, name] of [
    ['SUBJECT', subjectName],
    ['ISSUER', issuerName],
  ] as const)
    for (const part of name.toJSON())
      for (const [attribute, values] of Object.entries(part)) {
        const key = `SSL_CLIENT_${of}_DN_${otherNames[attribute] ?? attribute}`;
        found[key] = [...(found[key] ?? []), ...values];
      }
  return found;
}
