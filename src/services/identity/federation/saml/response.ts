// A SAML response from an identity provider, believed only as far as its signature, its times and its addressee go.
// The signature is node-saml's business; what it covers is read here, by this program's own clock.

import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Assertion } from '#/services/identity/federation/mappings/mapping.rules.ts';
import type { SamlConnection } from '#/services/identity/federation/providers/connection.store.ts';
import { childOf, childrenOf, ns, parseXml, serialized } from '#/services/identity/federation/saml/xml.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

export interface Heard {
  issuer: string;
  assertion: Assertion;
  inResponseTo: string | null;
  /** The assertion's id, and until when it could be used again. */
  id: string;
  expiresAt: number;
}

/** Clocks may differ by so much. */
const skewMs = 60_000;
const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

/** @param xml the response. @throws Problem unauthenticated for whatever is wrong with it; the log says what */
export async function readResponse(
  xml: string,
  connection: SamlConnection,
  { acsUrl, entityId, clock }: { acsUrl: string; entityId: string; clock: Clock },
): Promise<Heard> {
  await parseXml(xml);
  const { SAML, ValidateInResponseTo } = await import('@node-saml/node-saml');
  const saml = new SAML({
    idpCert: connection.certificates,
    idpIssuer: connection.entity_id,
    issuer: entityId,
    callbackUrl: acsUrl,
    // Checked below: times by this program's clock, the audience where the provider names one.
    acceptedClockSkewMs: -1,
    audience: false,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.never,
  });
  let signed: string;
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString('base64') });
    signed = profile?.getAssertionXml?.() ?? '';
  } catch (cause) {
    throw new Problem('unauthenticated', t.notSignedOn, {}, { cause });
  }
  return heard((await parseXml(signed)).documentElement, { acsUrl, entityId, now: clock.now() });
}

function heard(assertion: Element, asked: { acsUrl: string; entityId: string; now: number }): Heard {
  const refuse = (why: string): Problem =>
    new Problem('unauthenticated', t.notSignedOn, {}, { cause: new Error(`SAML: ${why}`) });
  if (assertion.namespaceURI !== ns.saml || assertion.localName !== 'Assertion') throw refuse('no assertion');
  const issuer = textOf(childOf(assertion, ns.saml, 'Issuer'));
  const subject = childOf(assertion, ns.saml, 'Subject');
  const confirmation = childrenOf(subject ?? assertion, ns.saml, 'SubjectConfirmation')
    .filter(each => each.getAttribute('Method') === bearer)
    .map(each => childOf(each, ns.saml, 'SubjectConfirmationData'))
    .find(data => data?.getAttribute('Recipient') === asked.acsUrl);
  if (!confirmation) throw refuse('it is for somebody else');
  const expiresAt = Date.parse(confirmation.getAttribute('NotOnOrAfter') ?? '');
  if (!(asked.now < expiresAt + skewMs)) throw refuse('it is too old');
  checkTimes(confirmation, asked.now, refuse);
  for (const conditions of childrenOf(assertion, ns.saml, 'Conditions')) {
    checkTimes(conditions, asked.now, refuse);
    for (const restriction of childrenOf(conditions, ns.saml, 'AudienceRestriction'))
      if (!childrenOf(restriction, ns.saml, 'Audience').some(each => textOf(each) === asked.entityId))
        throw refuse('it is for another audience');
  }
  return {
    issuer,
    assertion: attributesOf(assertion, { issuer, nameId: textOf(childOf(subject, ns.saml, 'NameID')) }),
    inResponseTo: confirmation.getAttribute('InResponseTo') || null,
    id: `${issuer} ${assertion.getAttribute('ID') ?? ''}`,
    expiresAt: expiresAt + skewMs,
  };
}

function checkTimes(part: Element, now: number, refuse: (why: string) => Problem): void {
  const from = part.getAttribute('NotBefore');
  const until = part.getAttribute('NotOnOrAfter');
  if (from && !(Date.parse(from) <= now + skewMs)) throw refuse('it is not valid yet');
  if (until && !(now < Date.parse(until) + skewMs)) throw refuse('it is no longer valid');
}

/** Attributes by name and by friendly name; the subject as the web servers' modules call it. */
function attributesOf(assertion: Element, { issuer, nameId }: { issuer: string; nameId: string }): Assertion {
  const found = Object.create(null) as Record<string, string[]>;
  for (const statement of childrenOf(assertion, ns.saml, 'AttributeStatement'))
    for (const attribute of childrenOf(statement, ns.saml, 'Attribute')) {
      const values = childrenOf(attribute, ns.saml, 'AttributeValue').map(textOf);
      const names = new Set([attribute.getAttribute('Name'), attribute.getAttribute('FriendlyName')]);
      for (const name of names) if (name) found[name] = [...(found[name] ?? []), ...values];
    }
  const subject = { REMOTE_USER: nameId, MELLON_NAME_ID: nameId, MELLON_IDP: issuer, 'Shib-Identity-Provider': issuer };
  for (const [name, value] of Object.entries(subject)) if (value !== '') found[name] = [value];
  return found;
}

function textOf(part: Element | undefined): string {
  return part?.textContent?.trim() ?? '';
}

/** The response in a SOAP envelope, as a client brings it (ECP). @throws Problem invalid */
export async function responseInEnvelope(envelope: string): Promise<string> {
  const root = (await parseXml(envelope)).documentElement;
  if (root.namespaceURI === ns.samlp && root.localName === 'Response') return envelope;
  const response =
    root.namespaceURI === ns.soap && root.localName === 'Envelope'
      ? childOf(childOf(root, ns.soap, 'Body'), ns.samlp, 'Response')
      : undefined;
  if (!response) throw new Problem('invalid', t.badXml);
  return serialized(response);
}
