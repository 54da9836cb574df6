// The configuration of nats-server: TLS on both sides, and who may say and hear what. A host's credential reaches that
// host's subjects and no other's, so that a stolen one neither reads nor commands another host.
// Format: docs.nats.io, "NATS Server Configuration"; `verify_and_map` finds the user by a name in the certificate.

import { frameLimit } from '../frames.ts';

export interface NatsServerSettings {
  /** `0.0.0.0:4222`. */
  listen: string;
  /** PEM files. */
  tls: { caFile: string; certFile: string; keyFile: string };
  /** Tokens of the hosts' subjects. */
  hosts: string[];
}

/** The name in the control plane's certificate. */
export const controlName = 'control.haneul';

/** The name in a host's certificate. @param token the host's name as one token of a subject */
export function hostCertificateName(token: string): string {
  return `${token}.host.haneul`;
}

/** The text of nats-server.conf. Written anew when a host comes or goes; the server reads it again on SIGHUP. */
export function natsServerConfig({ listen, tls, hosts }: NatsServerSettings): string {
  const control = user(controlName, ['>'], ['>']);
  const all = [control, ...hosts.map(hostUser)].join('\n');
  return `listen: ${quoted(listen)}
max_payload: ${frameLimit}
max_pending: ${8 * frameLimit}
write_deadline: "10s"
ping_interval: "5s"
ping_max: 2
tls {
  ca_file: ${quoted(tls.caFile)}
  cert_file: ${quoted(tls.certFile)}
  key_file: ${quoted(tls.keyFile)}
  verify_and_map: true
  timeout: 5
}
authorization {
  users: [
${all}
  ]
}
`;
}

/** What it says about itself, what it hears and its answers; nothing of anybody else's. */
function hostUser(token: string): string {
  return user(
    hostCertificateName(token),
    [`control.*.${token}`],
    [`host.${token}.>`, `_INBOX.${token}.>`],
    // Answers to what it was asked, for as long as the longest command takes.
    '{ max: 1, expires: "15m" }',
  );
}

function user(name: string, publish: string[], subscribe: string[], responses?: string): string {
  const list = (subjects: string[]): string => `[${subjects.map(quoted).join(', ')}]`;
  const answers = responses ? `, allow_responses: ${responses}` : '';
  return `    { user: ${quoted(name)}, permissions: { publish: { allow: ${list(publish)} }, subscribe: { allow: ${list(subscribe)} }${answers} } }`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
