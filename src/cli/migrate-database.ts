// `haneul migrate-database --to URL`: moves a cloud from its own file to PostgreSQL while its control plane is down. Ended
// at any point it is run again: the rows go over in one transaction, and the configuration is changed last.

import { existsSync, readFileSync, rmSync, statSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { loadConfig } from '#/platform/config/config.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';
import { loadCloud } from './parts.ts';
import { claimPidFile } from './process-facts.ts';
import { step } from './progress.ts';
import { findRunning } from './running.ts';
import { pidFileOf } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';

export async function migrateDatabase(context: Context, options: DataOption & { to: string }): Promise<number> {
  const { say, print } = context;
  const paths = context.paths(options);
  const file = join(paths.control, 'haneul.db');
  const configured = context.config(paths).databaseUrl;
  const { databaseUrl: url, databaseConnections } = loadConfig({ overrides: { database_url: options.to } });
  if (configured !== null && configured !== url) throw new Problem('conflict', o.databaseConfigured);
  if (!existsSync(file)) throw new Problem('notFound', o.noDatabase, { file });
  const { control } = findRunning(paths).roles;
  if (control) throw new Problem('conflict', t.supervised, { directory: paths.root, pid: control.pid });
  // Held until the end, so that nothing starts meanwhile.
  const pidFile = pidFileOf(paths, 'supervisor');
  const owner = claimPidFile(pidFile);
  if (owner) throw new Problem('conflict', t.supervised, { directory: paths.root, pid: owner.pid });
  try {
    const { openDatabase, migrationsOf } = await loadCloud();
    const { declaredServices } = await import('#/reference/declared-services.ts');
    const { migrate } = await import('#/platform/database/migrations.ts');
    const { beginCopy, copyDatabase } = await import('#/platform/database/copy.ts');
    const parts = { clock: systemClock(), random: systemRandom(), log: createLogger('migrate-database', 'error') };
    const migrations = migrationsOf(await declaredServices());
    const from = await openDatabase({ databaseUrl: null, databaseConnections }, paths.control, parts);
    const to = await openDatabase({ databaseUrl: url, databaseConnections }, paths.control, parts);
    try {
      const { tables, rows, before } = await step(context, say(o.copying), async tell => {
        // The rows are copied as the newest tables hold them.
        await migrate(from, migrations);
        await beginCopy(to);
        await migrate(to, migrations);
        return copyDatabase(from, to, tell);
      });
      print(say(before ? o.copiedBefore : o.copied, { tables, rows }));
    } finally {
      await Promise.all([from.close(), to.close()]);
    }
    ownedAsBefore(file, paths.control);
    configure(paths.config, url!);
    print(say(o.migrated, { config: paths.config, file }));
    return 0;
  } finally {
    rmSync(pidFile, { force: true });
  }
}

/** SQLite's files that this command made belong to the control plane's user too. */
function ownedAsBefore(file: string, directory: string): void {
  const { uid, gid } = statSync(directory);
  if (process.getuid!() !== 0) return;
  for (const name of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(name)) chownSync(name, uid, gid);
}

/** Sets `database_url` in the file, whose comments stay. */
function configure(file: string, url: string): void {
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '');
  document.set('database_url', url);
  const before = existsSync(file) ? statSync(file) : null;
  writeWholeSync(file, String(document), { mode: 0o640 });
  if (before && process.getuid!() === 0) chownSync(file, before.uid, before.gid);
}
