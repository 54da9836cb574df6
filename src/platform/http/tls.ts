// TLS at the listener: its certificate, renewed without a restart, and those that clients show.

import { createHash, constants } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { ServerOptions as HttpsOptions } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { httpTexts } from '#/platform/http/texts.ts';

export interface TlsFiles {
  /** PEM: the certificate, then those between it and its authority. */
  certificateFile: string;
  keyFile: string;
  /** PEM: the authorities whose client certificates count; null: clients are asked for none. */
  clientCaFile: string | null;
}

/** Shown by a client, and signed by an authority that counts. */
export interface ClientCertificate {
  /** DER. */
  raw: Buffer;
  /** SHA-256 of it, base64url: `x5t#S256` of RFC 8705. */
  thumbprint: string;
}

const handshakeMs = 10_000;
const renewEveryMs = 60_000;

/** @throws Problem invalid when a file cannot be read, or the key is not the certificate's */
export function tlsOptions(files: TlsFiles): HttpsOptions {
  const read = contents(files);
  try {
    createSecureContext(read);
  } catch (cause) {
    const { certificateFile: file } = files;
    throw new Problem('invalid', httpTexts.tlsFile, { file, reason: (cause as Error).message }, { cause });
  }
  return {
    ...read,
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeMs,
    ...(files.clientCaFile === null
      ? {}
      : {
          // Without one, or with another, a client is as any: only what is bound to a certificate asks for it.
          requestCert: true,
          rejectUnauthorized: false,
          // A resumed session would be one whose certificate is not judged again.
          secureOptions: constants.SSL_OP_NO_TICKET,
        }),
  };
}

/** Gives the server the files' new contents when they have changed. */
export function renewCertificate(
  server: { setSecureContext(options: HttpsOptions): void },
  files: TlsFiles,
  { clock, log }: { clock: Clock; log: Logger },
): { stop(): void } {
  let stamp = stampOf(files);
  let timer = clock.after(renewEveryMs, look);
  return { stop: () => timer.cancel() };

  function look(): void {
    try {
      const now = stampOf(files);
      if (now !== stamp) {
        server.setSecureContext(tlsOptions(files));
        stamp = now;
        log.info({ file: files.certificateFile }, 'the certificate was renewed');
      }
    } catch (error) {
      // Half a renewal: the former one goes on.
      log.warn({ error }, 'the certificate could not be renewed');
    }
    timer = clock.after(renewEveryMs, look);
  }
}

const shown = new WeakMap<Socket, ClientCertificate | null>();

/** Null where there is none, or its authority does not count. */
export function clientCertificateOf(socket: Socket): ClientCertificate | null {
  if (!(socket instanceof TLSSocket)) return null;
  let known = shown.get(socket);
  if (known === undefined) {
    const raw = socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined;
    known = raw ? { raw, thumbprint: createHash('sha256').update(raw).digest('base64url') } : null;
    shown.set(socket, known);
  }
  return known;
}

function contents({ certificateFile, keyFile, clientCaFile }: TlsFiles): HttpsOptions {
  return {
    cert: read(certificateFile),
    key: read(keyFile),
    ...(clientCaFile === null ? {} : { ca: read(clientCaFile) }),
  };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Problem('invalid', httpTexts.tlsFile, { file, reason: (cause as NodeJS.ErrnoException).code }, { cause });
  }
}

function stampOf(files: TlsFiles): string {
  return [files.certificateFile, files.keyFile, files.clientCaFile]
    .map(file => (file === null ? '' : statSync(file, { bigint: true }).mtimeNs))
    .join(' ');
}
