// What this cloud says of a user to another: a SAML 2.0 response with one signed assertion, bare or for ECP.
// The attributes are those of Keystone to Keystone.

import { newUuid, type Random } from '#/platform/clock/clock.ts';
import type { SigningKey } from '#/services/identity/federation/saml/signing-key.ts';
import { element, type Markup, ns } from '#/services/identity/federation/saml/xml.ts';

export interface Statement {
  /** By which name this cloud goes. */
  issuer: string;
  /** To whom it is said: the address that takes assertions. */
  recipient: string;
  user: string;
  /** Attribute → values. */
  attributes: Record<string, string[]>;
  /** Milliseconds since 1970. */
  issuedAt: number;
  expiresAt: number;
  /** The request that it answers; absent where nobody asked. */
  inResponseTo?: string;
}

const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const sha256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

/** The response, its assertion signed. */
export async function signedResponse(statement: Statement, key: SigningKey, random: Random): Promise<string> {
  const { issuer, recipient, issuedAt } = statement;
  const response = element(
    'samlp:Response',
    {
      'xmlns:samlp': ns.samlp,
      'xmlns:saml': ns.saml,
      ID: newXmlId(random),
      Version: '2.0',
      IssueInstant: instant(issuedAt),
      Destination: recipient,
    },
    element('saml:Issuer', { Format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity' }, issuer),
    element('samlp:Status', {}, element('samlp:StatusCode', { Value: 'urn:oasis:names:tc:SAML:2.0:status:Success' })),
    assertion(statement, newXmlId(random)),
  );
  const { SignedXml } = await import('xml-crypto');
  const signing = new SignedXml({
    privateKey: key.privateKey,
    publicCert: key.certificate,
    signatureAlgorithm: rsaSha256,
    canonicalizationAlgorithm: exclusive,
  });
  const xpath = "/*/*[local-name(.)='Assertion']";
  signing.addReference({ xpath, transforms: [enveloped, exclusive], digestAlgorithm: sha256 });
  signing.computeSignature(response.xml, {
    prefix: 'ds',
    location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' },
  });
  return signing.getSignedXml();
}

function assertion(statement: Statement, id: string): Markup {
  const { issuer, recipient, user, attributes, issuedAt, expiresAt } = statement;
  return element(
    'saml:Assertion',
    { ID: id, Version: '2.0', IssueInstant: instant(issuedAt) },
    element('saml:Issuer', { Format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity' }, issuer),
    element(
      'saml:Subject',
      {},
      element('saml:NameID', { Format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified' }, user),
      element(
        'saml:SubjectConfirmation',
        { Method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer' },
        element('saml:SubjectConfirmationData', {
          NotOnOrAfter: instant(expiresAt),
          Recipient: recipient,
          InResponseTo: statement.inResponseTo,
        }),
      ),
    ),
    element('saml:Conditions', { NotBefore: instant(issuedAt), NotOnOrAfter: instant(expiresAt) }),
    element(
      'saml:AuthnStatement',
      { AuthnInstant: instant(issuedAt), SessionIndex: id, SessionNotOnOrAfter: instant(expiresAt) },
      element(
        'saml:AuthnContext',
        {},
        element('saml:AuthnContextClassRef', {}, 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password'),
        element('saml:AuthenticatingAuthority', {}, issuer),
      ),
    ),
    element(
      'saml:AttributeStatement',
      {},
      ...Object.entries(attributes).map(([name, values]) =>
        element(
          'saml:Attribute',
          { Name: name, NameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri' },
          ...values.map(value => element('saml:AttributeValue', {}, value)),
        ),
      ),
    ),
  );
}

/** The response as a client hands it on by the enhanced client profile (ECP): in a SOAP envelope. */
export function ecpEnvelope(response: string, relayState: string): string {
  const { xml } = element(
    'soap11:Envelope',
    { 'xmlns:soap11': ns.soap },
    element(
      'soap11:Header',
      {},
      element(
        'ecp:RelayState',
        {
          'xmlns:ecp': ns.ecp,
          'soap11:actor': 'http://schemas.xmlsoap.org/soap/actor/next',
          'soap11:mustUnderstand': '1',
        },
        relayState,
      ),
    ),
    element('soap11:Body', {}, { xml: response }),
  );
  return xml;
}

/** `2026-01-31T12:00:00.000Z`. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** An XML name cannot begin with a digit. */
export function newXmlId(random: Random): string {
  return `_${newUuid(random).replaceAll('-', '')}`;
}
