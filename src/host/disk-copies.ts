// The agent's answers about copies of disks. A copy may take longer than anybody waits for an answer, so it goes on
// between two questions.

import type { DiskCopy, Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { AgentOptions } from '#/host/agent.ts';
import type { Destination } from '#/host/commands.ts';
import { offerFile } from '#/host/offers.ts';
import { sleep } from '#/platform/clock/clock.ts';

/** How long an answer waits for the copy. */
const waitMs = 10_000;

export interface DiskCopies {
  /** @returns null while it is being made */
  make(guest: Guest, id: string): Promise<DiskCopy | null>;
  offer(guest: Guest, id: string, to?: Destination): Promise<{ path: string | null; sizeBytes: number }>;
}

export function diskCopies(options: AgentOptions): DiskCopies {
  const { hypervisor, clock } = options;
  const making = new Map<string, Promise<DiskCopy>>();
  return {
    make(guest, id) {
      let copy = making.get(id);
      if (!copy) {
        copy = hypervisor.copyDisk(guest, id);
        making.set(id, copy);
        // Whoever asks afterwards is told by the driver what there is.
        copy.catch(() => {}).finally(() => making.delete(id));
      }
      const enough = new AbortController();
      const late = sleep(clock, waitMs, enough.signal).then(() => null);
      return Promise.race([copy, late]).finally(() => enough.abort());
    },
    async offer(guest, id, to) {
      const { content, sizeBytes } = await hypervisor.copyDisk(guest, id);
      return content.kind === 'file' ? offerFile(options, content, to) : { path: null, sizeBytes };
    },
  };
}
