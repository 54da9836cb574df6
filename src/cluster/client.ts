// The joining machine's side of the cluster listener: finds the authority that its invitation names, and asks to be let in.

import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { systemClock } from '#/platform/clock/clock.ts';
import {
  any,
  array,
  as,
  boolean,
  mapOf,
  nullable,
  object,
  open,
  optional,
  parse,
  string,
  type Static,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Language } from '#/platform/text/text.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { clusterTexts as t } from './texts.ts';
import type { JoinToken } from './token.ts';

const connectMs = 10_000;
const answerMs = 60_000;
const answerBytes = 1 << 20;

const secretsMap = mapOf(string());

/** What a machine that is to run api or worker is told. */
const forControl = object({
  /** Of the whole cloud, as the configuration file spells them. */
  options: as<Record<string, unknown>>(any()),
  secrets: secretsMap,
  /** The administrator's, JSON. */
  credentials: string(),
});
export type ForControl = Static<typeof forControl>;

export const joinAnswer = object({
  certificate: string(),
  authority: string(),
  bus_servers: array(string()),
  cluster_servers: array(string()),
  control: optional(forControl),
});

/** TLS as one who belongs to the cloud, or is about to. */
export interface Identity {
  /** The authority's certificate; all PEM. */
  authority: string;
  certificate?: string;
  key?: string;
}

/**
 * The authority's certificate (PEM) as the server shows it, which must be the one that the invitation names; nothing is
 * told to the server before that. Also the address of this machine as it goes there.
 * @throws Problem forbidden when it is another's, unavailable
 */
export function findAuthority({ server, authority }: JoinToken): Promise<{ certificate: string; ownAddress: string }> {
  const { hostname, port } = new URL(server);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      // Only to see what it shows: whether that is to be trusted is decided below, before a word is said.
      rejectUnauthorized: false,
      timeout: connectMs,
    });
    socket.once('secureConnect', () => {
      const shown = socket.getPeerCertificate(true).issuerCertificate?.raw as Buffer | undefined;
      const ownAddress = socket.localAddress ?? '';
      socket.destroy();
      if (!shown || createHash('sha256').update(shown).digest('hex') !== authority)
        reject(new Problem('forbidden', t.notOurAuthority, { server }));
      else resolve({ certificate: new X509Certificate(shown).toString(), ownAddress });
    });
    socket.once('timeout', () => socket.destroy(new Error('timeout')));
    socket.once('error', cause => reject(unreachable(server, cause)));
  });
}

/** @throws Problem with what the cloud answers, or unavailable */
export async function askToJoin(
  { server, secret }: JoinToken,
  authority: string,
  ask: { name: string; roles: string[]; address: string; tunnelAddress: string; request: string },
  language: Language,
): Promise<Static<typeof joinAnswer>> {
  const answer = await call(server, { authority }, language, '/join', { ...ask, secret });
  return parse(joinAnswer, answer, platformTexts.invalidBody);
}

/** A control plane of a version before says nothing of versions. */
const selfView = open({
  name: string(),
  up: boolean(),
  enabled: boolean(),
  version: optional(nullable(string())),
});
export type SelfView = Static<typeof selfView>;

/** How the cloud sees this machine; null while it does not answer. */
export async function askSelf(server: string, identity: Identity): Promise<SelfView | null> {
  try {
    return parse(selfView, await call(server, identity, 'en', '/self'), platformTexts.invalidBody);
  } catch {
    return null;
  }
}

/** How far the server's clock is ahead of ours, in milliseconds, as its answers are dated; null when it is not in reach. */
export function clockOf(server: string): Promise<number | null> {
  return new Promise(resolve => {
    // Nothing is told and nothing believed but the time: no certificate is needed for that.
    const asked = request(
      new URL('/', server),
      { rejectUnauthorized: false, agent: false, timeout: connectMs },
      answer => {
        answer.resume();
        resolve(Date.parse(answer.headers.date ?? '') - systemClock().now());
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end();
  });
}

/** @throws Problem */
export async function askSecrets(server: string, identity: Identity): Promise<Record<string, string>> {
  return parse(secretsMap, await call(server, identity, 'en', '/secrets'), platformTexts.invalidBody);
}

/** A certificate (PEM) to follow the one that this machine has. @throws Problem */
export async function askToRenew(server: string, identity: Identity, request: string): Promise<string> {
  const answer = await call(server, identity, 'en', '/renew', { request });
  return parse(object({ certificate: string() }), answer, platformTexts.invalidBody).certificate;
}

function call(
  server: string,
  { authority, certificate, key }: Identity,
  language: Language,
  path: string,
  body?: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(
      new URL(path, server),
      {
        method: body === undefined ? 'GET' : 'POST',
        ca: authority,
        cert: certificate,
        key,
        minVersion: 'TLSv1.3',
        agent: false,
        timeout: answerMs,
        headers: { 'accept-language': language, 'content-type': 'application/json' },
      },
      answer => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if ((bytes += chunk.length) > answerBytes) answer.destroy(new Error('too long an answer'));
        });
        answer.on('error', cause => reject(unreachable(server, cause)));
        answer.on('end', () => {
          try {
            const said = JSON.parse(Buffer.concat(chunks).toString()) as { error?: { message?: string } };
            if (answer.statusCode === 200) return resolve(said);
            const message = said.error?.message ?? `HTTP ${answer.statusCode}`;
            reject(new Problem('conflict', t.refused, { message }));
          } catch (cause) {
            reject(unreachable(server, cause as Error));
          }
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', cause => reject(unreachable(server, cause)));
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function unreachable(server: string, cause: Error): Problem {
  const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
  return new Problem('unavailable', t.unreachable, { server, reason }, { cause });
}
