// What identity and service providers read of this cloud before they trust it. SAML 2.0 metadata.

import { certificateBody } from '#/services/identity/federation/saml/signing-key.ts';
import { element, type Markup, ns } from '#/services/identity/federation/saml/xml.ts';

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const httpPost = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
const paos = 'urn:oasis:names:tc:SAML:2.0:bindings:PAOS';
const soap = 'urn:oasis:names:tc:SAML:2.0:bindings:SOAP';

/** As an identity provider: whom others may believe, and by which certificate. */
export function idpMetadata(about: { entityId: string; certificate: string; url: string }): string {
  return (
    declaration +
    element(
      'md:EntityDescriptor',
      { 'xmlns:md': ns.md, 'xmlns:ds': ns.ds, entityID: about.entityId },
      element(
        'md:IDPSSODescriptor',
        { protocolSupportEnumeration: ns.samlp },
        keyDescriptor(about.certificate),
        element('md:SingleSignOnService', { Binding: soap, Location: about.url }),
      ),
      element(
        'md:Organization',
        {},
        ...['Name', 'DisplayName'].map(part => element(`md:Organization${part}`, { 'xml:lang': 'en' }, 'Haneul')),
        element('md:OrganizationURL', { 'xml:lang': 'en' }, about.url),
      ),
    ).xml
  );
}

/** As a service provider, to one identity provider. */
export function spMetadata(about: { entityId: string; acsUrl: string }): string {
  return (
    declaration +
    element(
      'md:EntityDescriptor',
      { 'xmlns:md': ns.md, entityID: about.entityId },
      element(
        'md:SPSSODescriptor',
        { protocolSupportEnumeration: ns.samlp, WantAssertionsSigned: 'true', AuthnRequestsSigned: 'false' },
        ...[httpPost, paos].map((Binding, at) =>
          element('md:AssertionConsumerService', {
            Binding,
            Location: about.acsUrl,
            index: String(at),
            isDefault: at === 0 ? 'true' : undefined,
          }),
        ),
      ),
    ).xml
  );
}

function keyDescriptor(certificate: string): Markup {
  return element(
    'md:KeyDescriptor',
    { use: 'signing' },
    element(
      'ds:KeyInfo',
      {},
      element('ds:X509Data', {}, element('ds:X509Certificate', {}, certificateBody(certificate))),
    ),
  );
}

/** A request to log in. */
export function authnRequest(about: {
  id: string;
  issueInstant: string;
  entityId: string;
  acsUrl: string;
  destination?: string;
  binding: 'post' | 'paos';
}): Markup {
  return element(
    'samlp:AuthnRequest',
    {
      'xmlns:samlp': ns.samlp,
      'xmlns:saml': ns.saml,
      ID: about.id,
      Version: '2.0',
      IssueInstant: about.issueInstant,
      Destination: about.destination,
      AssertionConsumerServiceURL: about.acsUrl,
      ProtocolBinding: about.binding === 'post' ? httpPost : paos,
    },
    element('saml:Issuer', {}, about.entityId),
    element('samlp:NameIDPolicy', { AllowCreate: 'true' }),
  );
}

/** A request to log in, for a client that takes it to the identity provider itself (ECP). */
export function paosRequest(request: Markup, about: { entityId: string; acsUrl: string }): string {
  const header = { 'S:actor': 'http://schemas.xmlsoap.org/soap/actor/next', 'S:mustUnderstand': '1' };
  return element(
    'S:Envelope',
    { 'xmlns:S': ns.soap },
    element(
      'S:Header',
      {},
      element('paos:Request', {
        'xmlns:paos': ns.paos,
        ...header,
        responseConsumerURL: about.acsUrl,
        service: ns.ecp,
      }),
      element(
        'ecp:Request',
        { 'xmlns:ecp': ns.ecp, ...header, IsPassive: '0' },
        element('saml:Issuer', { 'xmlns:saml': ns.saml }, about.entityId),
      ),
      element('ecp:RelayState', { 'xmlns:ecp': ns.ecp, ...header }, 'ss:mem:'),
    ),
    element('S:Body', {}, request),
  ).xml;
}
