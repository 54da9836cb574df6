// True actions only, declared once: the control plane's call and the agent's answer are both typed from here.
// Everything that must stay true is the plan's, not a command's.

import type { Sending, SendingAct } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import {
  any,
  as,
  integer,
  nullable,
  object,
  oneOf,
  open,
  optional,
  string,
  type Static,
  type TSchema,
} from '#/platform/http/schema.ts';

export interface Command<I extends TSchema = TSchema, O extends TSchema = TSchema> {
  name: string;
  input: I;
  output: O;
}

function command<I extends TSchema, O extends TSchema>(name: string, input: I, output: O): Command<I, O> {
  return { name, input, output };
}

const serverKey = as<`server/${string}`>(string({ pattern: '^server/[0-9a-f-]{36}$' }));

/** Soft: asks the guest. Hard: a new process. `idempotencyKey` lets a repeated call act once. */
export const serverReboot = command(
  'server-reboot',
  object({ key: serverKey, kind: oneOf('soft', 'hard'), idempotencyKey: string() }),
  object({}),
);
/** Moves a live migration on at its source, and tells how far it is; every act may be repeated. */
export const serverSend = command(
  'server-send',
  object({
    key: serverKey,
    /** The migration's. */
    id: string(),
    act: as<SendingAct>(oneOf('look', 'begin', 'hurry', 'hand-over', 'cancel')),
  }),
  as<Sending>(any()),
);
/** Where a host on another machine brings a stream that it is asked for, and what lets it in. */
export const destination = object({
  server: string({ pattern: '^https://', max: 80 }),
  ticket: string({ pattern: '^[\\w-]{32}$' }),
});
export type Destination = Static<typeof destination>;

const diskCopyFields = { key: serverKey, id: string({ pattern: '^[0-9a-f-]{36}$' }) };
const diskCopy = object(diskCopyFields);
/** Copies the guest's root disk as it is now. Answers null while that takes longer: it is to be asked again. */
export const copyDisk = command(
  'copy-disk',
  diskCopy,
  object({ copy: nullable(object({ format: oneOf('qcow2', 'raw'), sizeBytes: integer() })) }),
);
/**
 * A unix socket on which one connection is sent the copy's bytes; null where they are brought to where the control plane
 * said (`to`), or there are none (a simulated host).
 */
export const offerDiskCopy = command(
  'offer-disk-copy',
  object({ ...diskCopyFields, to: optional(destination) }),
  object({ path: nullable(string()), sizeBytes: integer() }),
);
export const dropDiskCopy = command('drop-disk-copy', diskCopy, object({}));
export const serverConsoleLog = command(
  'server-console-log',
  object({ key: serverKey, lines: nullable(integer({ min: 0 })) }),
  object({ output: string() }),
);
export const serverDiagnostics = command('server-diagnostics', object({ key: serverKey }), open({}));
/** A unix socket on which one connection is bridged to the guest's screen or serial line; null where it is brought (`to`). */
export const openConsole = command(
  'open-console',
  object({ key: serverKey, kind: oneOf('vnc', 'serial'), to: optional(destination) }),
  object({ path: nullable(string()) }),
);
export const portCounters = command('port-counters', object({ portId: string() }), open({}));
/** For audits: what the host really holds. */
export const inventory = command('inventory', object({}), object({ keys: as<string[]>(any()) }));

export const commands = {
  serverReboot,
  serverSend,
  copyDisk,
  offerDiskCopy,
  dropDiskCopy,
  serverConsoleLog,
  serverDiagnostics,
  openConsole,
  portCounters,
  inventory,
};

/**
 * @param requestId on whose behalf; the host's log lines then name it
 * @throws Problem what the host refused, or unavailable when it does not answer in time
 */
export async function callHost<I extends TSchema, O extends TSchema>(
  bus: Bus,
  host: string,
  { name }: Command<I, O>,
  input: Static<I>,
  timeoutMs = 60_000,
  requestId: string | null = null,
): Promise<Static<O>> {
  const message = { ...(input as object), ...(requestId === null ? {} : { requestId }) } as Json;
  return (await bus.request(commandSubject(host, name), message, { timeoutMs })) as Static<O>;
}

export function commandSubject(host: string, name: string): string {
  return `host.${subjectToken(host)}.${name}`;
}

/** A host's name as one token of a subject; no two names have the same. */
export function subjectToken(host: string): string {
  return host.replaceAll(/[^A-Za-z0-9_-]/gu, character => `:${character.codePointAt(0)!.toString(16)}:`);
}

// What agents and the control plane say to one another besides commands. What a host says carries its name in the
// subject, to which the bus binds the host's credential: it cannot speak for another.

export const helloSubject = 'control.hello';
export const planSubject = 'control.plan';
export const reportSubject = 'control.report';
export const eventSubject = 'control.host-event';
export const heartbeatSubject = 'control.heartbeat';
export const fromHost = (subject: string, host: string) => `${subject}.${subjectToken(host)}`;
export const fromAnyHost = (subject: string) => `${subject}.*`;
/** Whatever waits to be tried again on the host is tried now. */
export const retrySubject = (host: string) => `host.${subjectToken(host)}.retry`;
export const planChangedSubject = (host: string) => `host.${subjectToken(host)}.plan-changed`;

export const reportMessage = object({
  host: string(),
  session: string(),
  /** Counts the session's reports: what comes late or again is passed over. */
  sequence: integer(),
  revision: integer(),
  /** Every planned key that is not yet as planned; sent when the plan's revision is new to the agent. */
  pending: optional(as<string[]>(any())),
  /** Keys that are still there though no longer planned; sent with `pending`. */
  removing: optional(as<string[]>(any())),
  /** All planned keys, once per session: what the control plane knows besides is no longer so. */
  planned: optional(as<string[]>(any())),
  changes: as<EntryChange[]>(any()),
  removed: as<string[]>(any()),
});

export interface EntryChange {
  key: string;
  state: 'applied' | 'failed';
  facts?: Record<string, unknown>;
  /** A stored problem. */
  problem?: string;
}
