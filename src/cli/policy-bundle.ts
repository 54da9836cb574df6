// `haneul policy bundle list|apply|remove`: ready roles. Those that are applied are one file among the operator's policy
// files, the first of them, so that whatever the operator writes stands.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type Bundle, type KnownRule, readBundles, rulesOfBundles } from '#/platform/access/bundles.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { systemClock } from '#/platform/clock/clock.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { declaredServices } from '#/reference/declared-services.ts';
import { rulesOf } from '#/reference/policy-reference.ts';
import { statusService } from '#/status.ts';
import { type CloudClient, connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';

const fileName = '00-bundles.yaml';

export async function policyBundle(
  context: Context,
  [word = 'list', name]: (string | undefined)[],
  options: DataOption & { json?: boolean },
): Promise<number> {
  const { print, say, language } = context;
  const paths = context.paths(options);
  const directory = resolve(paths.root, context.config(paths).policyDirectory);
  const bundles = readBundles();
  const applied = appliedIn(directory).filter(each => bundles.has(each));
  if (word === 'list') {
    const rows = [...bundles].map(([each, bundle]) => ({
      name: each,
      applied: applied.includes(each),
      role: bundle.role,
      implies: bundle.implies ?? [],
      description: bundle[language],
    }));
    if (options.json) print(JSON.stringify(rows, null, 2));
    else for (const row of rows) print(`${row.applied ? '*' : ' '} ${row.name.padEnd(16)} ${row.description}`);
    return 0;
  }
  if ((word !== 'apply' && word !== 'remove') || name === undefined) throw new Problem('invalid', o.bundleUsage);
  const bundle = bundles.get(name);
  if (!bundle) throw new Problem('invalid', o.noBundle, { name, names: [...bundles.keys()] });
  if (word === 'apply') await ensureRole(await connectCloud(context, options), bundle);
  const wanted = [...new Set([...applied.filter(each => each !== name), ...(word === 'apply' ? [name] : [])])].sort();
  const rules = rulesOfBundles(
    wanted.map(each => bundles.get(each)!),
    await knownRules(),
  );
  write(directory, wanted, rules);
  print(say(word === 'apply' ? o.bundleApplied : o.bundleRemoved, { name, role: bundle.role, rules: rules.size }));
  return 0;
}

/** Every rule of every service, as it comes. */
export async function knownRules(): Promise<KnownRule[]> {
  const services = await declaredServices();
  const clock = systemClock();
  const bus = memoryBus({ clock, log: createLogger('policy', 'silent') });
  return [...services, statusService(services, { bus, clock, migrations: [] })].flatMap(service =>
    rulesOf(service).map(({ name, check }) => ({
      name,
      check,
      service: service.name,
      methods: service.endpoints.filter(({ policy }) => policy === name).map(({ method }) => method),
    })),
  );
}

/** The role and what it implies, where the cloud has them not. */
async function ensureRole(cloud: CloudClient, { role, implies = [] }: Bundle): Promise<void> {
  const idOf = async (name: string): Promise<string | undefined> => {
    const { body } = await cloud<{ roles: { id: string; name: string }[] }>(
      'GET',
      `/identity/v3/roles?name=${encodeURIComponent(name)}`,
    );
    return body.roles[0]?.id;
  };
  const own =
    (await idOf(role)) ??
    (await cloud<{ role: { id: string } }>('POST', '/identity/v3/roles', { body: { role: { name: role } } })).body.role
      .id;
  for (const name of implies) {
    const other = await idOf(name);
    if (other === undefined) throw new Problem('invalid', o.noImpliedRole, { role: name });
    await cloud('PUT', `/identity/v3/roles/${own}/implies/${other}`);
  }
}

/** The bundles that the file was made of. */
function appliedIn(directory: string): string[] {
  try {
    const [, names = ''] = /^# Bundles: (.*)$/m.exec(readFileSync(join(directory, fileName), 'utf8')) ?? [];
    return names.split(' ').filter(Boolean);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

function write(directory: string, names: string[], rules: ReadonlyMap<string, string>): void {
  const file = join(directory, fileName);
  if (!names.length) return rmSync(file, { force: true });
  const head = [
    `# Bundles: ${names.join(' ')}`,
    '# Written by "haneul policy bundle"; what other files in this directory say of a rule wins over it.',
  ];
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  writeWholeSync(
    file,
    `${head.join('\n')}\n${rules.size ? stringify(Object.fromEntries(rules), { lineWidth: 0 }) : ''}`,
    {
      mode: 0o644,
    },
  );
}
