// The configuration of nats-server: TLS on both sides, and who may say and hear what. A host's credential reaches that
// host's subjects and no other's, so that a stolen one neither reads nor commands another host.
// Format: docs.nats.io, "NATS Server Configuration"; `verify_and_map` finds the user by a name in the certificate.

import { frameLimit } from '../frames.ts';

export interface NatsServerSettings {
  /** `0.0.0.0:4222`. */
  listen: string;
  /** PEM files. */
  tls: { caFile: string; certFile: string; keyFile: string };
  members: BusMember[];
}

/** Who may speak on the bus besides the control plane of the server's own machine. */
export interface BusMember {
  /** The name in its certificate by which the server knows it; a certificate whose name is none of these is refused. */
  user: string;
  /** A host, by the token of its subjects; null: a control plane. */
  token: string | null;
}

/** The name in the control plane's certificate. */
export const controlName = 'control.haneul';

/** The name in a machine's certificate. @param id of that certificate alone, so that another for the same machine is another */
export function machineCertificateName(id: string): string {
  return `${id}.machine.haneul`;
}

/** The text of nats-server.conf. Written anew when a host comes or goes; the server reads it again on SIGHUP. */
export function natsServerConfig({ listen, tls, members }: NatsServerSettings): string {
  const all = [{ user: controlName, token: null }, ...members].map(member).join('\n');
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

/** Of a host: what it says about itself, what it hears and its answers; nothing of anybody else's. */
function member({ user: name, token }: BusMember): string {
  if (token === null) return user(name, ['>'], ['>']);
  return user(
    name,
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
