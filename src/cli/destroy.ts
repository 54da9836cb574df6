// `haneul destroy`: removes a cloud from this machine: guests, networks and files. Packages and system users stay.

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';
import type { Context, DataOption } from './context.ts';
import { stopCloud } from './down.ts';
import { loadHost } from './parts.ts';
import { confirm, step } from './progress.ts';
import { cliTexts as t } from './texts.ts';
import { findUser, guestUserName } from './users.ts';

export async function destroy(context: Context, options: DataOption & { yes?: boolean }): Promise<number> {
  const paths = context.paths(options);
  const directory = paths.root;
  if (!existsSync(paths.marker))
    throw new Problem('invalid', existsSync(directory) ? t.notOurs : t.notRunning, { directory });
  if (!options.yes) {
    if (!process.stdin.isTTY) throw new Problem('invalid', t.needsYes);
    if (!(await confirm(context.say(t.askDestroy, { directory }), false))) {
      context.print(context.say(t.nothingRemoved));
      return 1;
    }
  }
  await stopCloud(context, paths, 'destroy');
  // Whatever stands in the file: the host is cleaned with the defaults too.
  const config = context.config({ ...paths, config: '' });
  const log = createLogger('destroy', 'error');
  const guestUser = context.root ? await findUser(systemRun(log), guestUserName) : null;
  // A cloud of simulated hosts has nothing on the machine.
  if (guestUser && readdirSync(paths.host).length > 0)
    await step(context, context.say(t.removingGuests), async () => {
      const { destroyHost } = await loadHost();
      await destroyHost({
        config,
        dataDirectory: directory,
        log,
        guestUser: { uid: guestUser.uid, gid: guestUser.gid },
      });
    });
  const kept = await step(context, context.say(t.removingFiles, { directory }), async () => removeFiles(paths));
  if (kept.length > 0) context.print(context.say(t.keptFiles, { directory, names: kept }));
  context.print(context.say(t.destroyed));
  return 0;
}

/** Removes what is ours, and the directory when nothing else is in it. @returns the names that were kept */
function removeFiles(paths: DataPaths): string[] {
  const { control, host, run, bus, supervisor, log, guestImages, cache, cloudsYaml, openrc, config, root, marker } =
    paths;
  const programs = ['program', 'program.new', 'program.old', 'policy'].map(name => join(root, name));
  // The marker goes last: a destroy that was cut off can be run again.
  for (const path of [
    control,
    host,
    run,
    bus,
    supervisor,
    log,
    guestImages,
    cache,
    cloudsYaml,
    openrc,
    config,
    ...programs,
  ])
    rmSync(path, { recursive: true, force: true });
  const kept = readdirSync(root).filter(name => join(root, name) !== marker);
  rmSync(marker, { force: true });
  if (kept.length === 0) rmdirSync(root);
  return kept;
}
