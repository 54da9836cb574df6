// The agent's answers to commands.

import type { AgentOptions } from '#/host/agent.ts';
import * as declared from '#/host/commands.ts';
import { diskCopies } from '#/host/disk-copies.ts';
import { offerConsole } from '#/host/offers.ts';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { parse, type Static, type TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

interface Context extends AgentOptions {
  guest(key: string): Guest | undefined;
  /** What is really there. */
  list(): Promise<string[]>;
}

/** Serves every command of host/commands.ts. @returns what ends each */
export function answerCommands(context: Context): (() => void)[] {
  const { bus, host, hypervisor, network } = context;
  const done = new Map<string, Promise<object>>();
  const copies = diskCopies(context);
  const serve = <I extends TSchema, O extends TSchema>(
    { name, input }: declared.Command<I, O>,
    answer: (asked: Static<I>) => Promise<Static<O>>,
  ): (() => void) =>
    bus.serve(declared.commandSubject(host, name), async message => {
      const { requestId, ...asked } = message as { requestId?: string; key?: string };
      if (requestId !== undefined) context.log.info({ requestId, command: name, key: asked.key }, 'command');
      return answer(parse(input, asked, platformTexts.invalidBody));
    });
  const guest = (key: string): Guest => {
    const entry = context.guest(key);
    if (!entry) throw new Problem('notFound', platformTexts.noSuchEntry, { host, key });
    return entry;
  };
  return [
    serve(declared.serverReboot, ({ key, kind, idempotencyKey }) => {
      let acting = done.get(idempotencyKey);
      if (!acting) {
        acting = hypervisor.reboot(guest(key), kind).then(() => ({}));
        done.set(idempotencyKey, acting);
        acting.catch(() => done.delete(idempotencyKey));
        if (done.size > 1_000) done.delete(done.keys().next().value!);
      }
      return acting;
    }),
    serve(declared.serverSend, ({ key, id, act }) => {
      const entry = guest(key);
      if (entry.move?.kind !== 'leave' || entry.move.id !== id)
        throw new Problem('notFound', platformTexts.noSuchEntry, { host, key });
      return hypervisor.sendGuest(entry, act);
    }),
    serve(declared.copyDisk, async ({ key, id }) => {
      const made = await copies.make(guest(key), id);
      return { copy: made && { format: made.format, sizeBytes: made.sizeBytes } };
    }),
    serve(declared.offerDiskCopy, ({ key, id, to }) => copies.offer(guest(key), id, to)),
    serve(declared.dropDiskCopy, async ({ key, id }) => {
      await hypervisor.dropDiskCopy(key, id);
      return {};
    }),
    serve(declared.serverConsoleLog, async ({ key, lines }) => ({ output: await hypervisor.consoleLog(key, lines) })),
    serve(declared.serverDiagnostics, ({ key }) => hypervisor.diagnostics(key)),
    serve(declared.portCounters, ({ portId }) => network.counters(portId)),
    serve(declared.openConsole, async ({ key, kind, to }) => ({
      path: await offerConsole(context, await hypervisor.consoleSocket(key, kind), to),
    })),
    serve(declared.inventory, async () => ({ keys: await context.list() })),
  ];
}
