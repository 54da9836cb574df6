// The services as they are declared, over an empty database in memory: nothing is started, nothing listens.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { loadConfig } from '#/platform/config/config.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import type { Service } from '#/platform/http/service.ts';
import { createLogger } from '#/platform/log/log.ts';
import { createServices } from '#/services.ts';

export async function declaredServices(): Promise<Service[]> {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-reference-'));
  const clock = systemClock();
  const random = systemRandom();
  const log = createLogger('reference', 'silent');
  const db = openSqlite({ file: ':memory:', clock, random, slots: new Map() });
  const bus = memoryBus({ clock, log });
  try {
    const { services } = await createServices({
      db,
      bus,
      clock,
      random,
      log,
      config: loadConfig({ overrides: {} }),
      publicUrl: () => 'http://127.0.0.1',
      directory,
      simulated: true,
    });
    return services;
  } finally {
    await bus.close();
    await db.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
