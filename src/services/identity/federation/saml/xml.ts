// XML, written and read. What comes from outside has no document type: so there are no entities, and nothing to expand.

import { Problem } from '#/platform/problem/problem.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

export const ns = {
  saml: 'urn:oasis:names:tc:SAML:2.0:assertion',
  samlp: 'urn:oasis:names:tc:SAML:2.0:protocol',
  md: 'urn:oasis:names:tc:SAML:2.0:metadata',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  soap: 'http://schemas.xmlsoap.org/soap/envelope/',
  ecp: 'urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp',
  paos: 'urn:liberty:paos:2003-08',
  xsi: 'http://www.w3.org/2001/XMLSchema-instance',
  xs: 'http://www.w3.org/2001/XMLSchema',
} as const;

/** Already written: goes in as it is. */
export interface Markup {
  xml: string;
}

/** One element. Attributes that are undefined are left out; texts are escaped. */
export function element(
  name: string,
  attributes: Record<string, string | undefined> = {},
  ...children: (Markup | string)[]
): Markup {
  const said = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(value!)}"`)
    .join('');
  const inner = children.map(child => (typeof child === 'string' ? escaped(child) : child.xml)).join('');
  return { xml: inner === '' ? `<${name}${said}/>` : `<${name}${said}>${inner}</${name}>` };
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };

export function escaped(text: string): string {
  // Control characters cannot stand in XML at all.
  return text
    .toWellFormed()
    .replaceAll(/[[\p{Cc}\ufffe\uffff]--[\t\n\r]]/gv, '')
    .replaceAll(/[&<>"\r]/g, found => escapes[found]!);
}

/** @throws Problem invalid for what is no XML, has a document type, or is nested deeper than 64 */
export async function parseXml(text: string): Promise<Document> {
  const bad = (cause?: unknown): Problem => new Problem('invalid', t.badXml, {}, { cause });
  if (text.length > 1 << 20 || /<!(DOCTYPE|ENTITY)/i.test(text)) throw bad();
  const { DOMParser } = await import('@xmldom/xmldom');
  const stop = (message: string): never => {
    throw new Error(message);
  };
  let document: Document;
  try {
    document = new DOMParser({ errorHandler: { warning: stop, error: stop, fatalError: stop } }).parseFromString(
      text,
      'text/xml',
    );
  } catch (cause) {
    throw bad(cause);
  }
  if (!document?.documentElement || deeper(document.documentElement, 64)) throw bad();
  return document;
}

function deeper(at: Element, levels: number): boolean {
  return levels === 0 || childrenOf(at).some(child => deeper(child, levels - 1));
}

/** The child elements, or those of one name. */
export function childrenOf(parent: Element, namespace?: string, name?: string): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling)
    if (node.nodeType === 1) {
      const child = node as Element;
      if (namespace === undefined || (child.namespaceURI === namespace && child.localName === name)) found.push(child);
    }
  return found;
}

/** The one child of that name; undefined where there is none, or more than one. */
export function childOf(parent: Element | undefined, namespace: string, name: string): Element | undefined {
  const found = parent ? childrenOf(parent, namespace, name) : [];
  return found.length === 1 ? found[0] : undefined;
}

/** An element with everything in it, as a document of its own. */
export async function serialized(part: Element): Promise<string> {
  const { XMLSerializer } = await import('@xmldom/xmldom');
  return new XMLSerializer().serializeToString(part);
}
