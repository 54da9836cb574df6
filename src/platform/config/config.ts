// The configuration: one YAML file, the environment over it, the command line over that. Read once, checked whole,
// frozen. An error names the option, where it came from, and what would be right.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Static } from 'typebox';
import { parse } from 'yaml';
import { nearest } from '#/lib/nearest.ts';
import { fits as fitsSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Text } from '#/platform/text/text.ts';
import { expectedOf } from './expected.ts';
import type { Option } from './options.ts';
import { options, quotaOptions } from './options.ts';
import { configTexts, expectedTexts } from './texts.ts';

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
type Values<T extends Record<string, Option>> = {
  readonly [K in keyof T & string as Camel<K>]: Static<T[K]['schema']>;
};

/** `listen_port` in the file is `listenPort` here. */
export type Config = Values<typeof options> & { readonly quotas: Values<typeof quotaOptions> };

/** Options as the file spells them. */
export type ConfigOverrides = { [K in keyof typeof options]?: Static<(typeof options)[K]['schema']> };

export interface ConfigSources {
  /** Absent, or a file that is not there: defaults. */
  file?: string;
  /** `HANEUL_<OPTION>`; lists are separated by commas. */
  env?: Record<string, string | undefined>;
  /** From the command line; wins over all. */
  overrides?: ConfigOverrides;
}

/** @throws Problem invalid */
export function loadConfig({ file, env = {}, overrides = {} }: ConfigSources = {}): Config {
  const given: [source: string, values: Record<string, unknown>][] = [];
  if (file) given.push([file, readFile(file)]);
  const main: Record<string, unknown> = defaultsOf(options);
  const quotas: Record<string, unknown> = defaultsOf(quotaOptions);
  for (const [source, values] of given)
    for (const [name, value] of Object.entries(values)) {
      if (name === 'quotas')
        for (const [inner, limit] of Object.entries(mappingOf(value, source)))
          set(quotas, quotaOptions, inner, limit, source, 'quotas.');
      else set(main, options, name, value, source);
    }
  readEnvironment(env, main, quotas);
  for (const [name, value] of Object.entries(overrides))
    if (value !== undefined) set(main, options, name, value, `--${name.replaceAll('_', '-')}`);
  return freeze({ ...camelKeys(main), quotas: camelKeys(quotas) }) as unknown as Config;
}

/** The URL that clients use. */
export function publicUrlOf(
  config: Pick<Config, 'publicUrl' | 'listenAddress' | 'listenPort' | 'tlsCertificateFile'>,
): string {
  if (config.publicUrl) return config.publicUrl.replace(/\/+$/, '');
  const address =
    config.listenAddress === '0.0.0.0' ? '127.0.0.1' : config.listenAddress === '::' ? '::1' : config.listenAddress;
  const scheme = config.tlsCertificateFile === null ? 'http' : 'https';
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${config.listenPort}`;
}

/** Where other hosts reach this one's guests; null on one machine. */
export function tunnelAddressOf(config: Pick<Config, 'clusterAddress' | 'tunnelAddress'>): string | null {
  return config.tunnelAddress ?? config.clusterAddress;
}

/** The name of this machine as a host. */
export function hostNameOf(config: Pick<Config, 'hostName'>): string {
  return config.hostName ?? hostname();
}

/** The environment variable of an option: `listen_port` → `HANEUL_LISTEN_PORT`. */
export function variableOf(name: string): string {
  return `HANEUL_${name.replaceAll('.', '_').toUpperCase()}`;
}

function readFile(file: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = parse(readFileSync(file, 'utf8'), { prettyErrors: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    const reason = (cause as Error).message.split('\n')[0]!.replace(/[:.]$/, '');
    throw new Problem('invalid', configTexts.unreadable, { file, reason }, { cause });
  }
  if (values === null || values === undefined) return {};
  if (typeof values !== 'object' || Array.isArray(values))
    throw new Problem('invalid', configTexts.notMapping, { file });
  return values as Record<string, unknown>;
}

function mappingOf(value: unknown, source: string): Record<string, unknown> {
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong('quotas', value, source, expectedTexts.mapping, {});
}

function readEnvironment(
  env: ConfigSources['env'] & {},
  main: Record<string, unknown>,
  quotas: Record<string, unknown>,
): void {
  const known = new Map<string, () => [Record<string, unknown>, Record<string, Option>, string, string]>();
  for (const name of Object.keys(options)) known.set(variableOf(name), () => [main, options, name, '']);
  for (const name of Object.keys(quotaOptions))
    known.set(variableOf(`quotas.${name}`), () => [quotas, quotaOptions, name, 'quotas.']);
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('HANEUL_') || value === undefined) continue;
    const place = known.get(variable);
    if (place) {
      const [into, table, name, prefix] = place();
      set(into, table, name, fromText(table[name]!, value), variable, prefix);
      continue;
    }
    // Other programs may use the prefix; a slip of the pen is worth stopping for.
    // The prefix that all share makes no two of them alike.
    const bare = (name: string): string => name.slice('HANEUL_'.length);
    const near = nearest(bare(variable), [...known.keys()].map(bare));
    if (near !== null) {
      const facts = { option: variable, source: 'the environment', near: `HANEUL_${near}` };
      throw new Problem('invalid', configTexts.unknownNear, facts);
    }
  }
}

function set(
  into: Record<string, unknown>,
  table: Record<string, Option>,
  name: string,
  value: unknown,
  source: string,
  prefix = '',
): void {
  if (!Object.hasOwn(table, name)) {
    const near = nearest(name, prefix === '' ? [...Object.keys(table), 'quotas'] : Object.keys(table));
    const option = prefix + name;
    if (near === null) throw new Problem('invalid', configTexts.unknown, { option, source });
    throw new Problem('invalid', configTexts.unknownNear, { option, source, near: prefix + near });
  }
  const option = table[name]!;
  // An option left empty in the file means its default.
  const wanted = value === null ? option.default : value;
  const texts = (Array.isArray(wanted) ? wanted : [wanted]) as unknown[];
  const fits =
    fitsSchema(option.schema, wanted) &&
    (!option.check || texts.every(each => each === null || option.check!.holds(each as string)));
  if (!fits) throw wrong(prefix + name, option.secret ? '***' : value, source, ...expectedOf(option));
  into[name] = wanted;
}

function wrong(
  option: string,
  value: unknown,
  source: string,
  expected: Text,
  facts: Record<string, string | number>,
): Problem {
  const sentence: Text = {
    id: configTexts.wrong.id,
    say: (language, all) => configTexts.wrong.say(language, { ...all, expected: expected.say(language, facts) }),
  };
  return new Problem('invalid', sentence, {
    option,
    value: typeof value === 'string' ? `"${value}"` : JSON.stringify(value),
    source,
  });
}

function fromText({ schema }: Option, value: string): unknown {
  const { type } = schema as { type?: string };
  if (value === '') return null;
  if (type === 'integer' || type === 'number') return Number.isFinite(Number(value)) ? Number(value) : value;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  if (type === 'array') return value.split(',').map(part => part.trim());
  return value;
}

function defaultsOf(table: Record<string, Option>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default]));
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function camelKeys(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner as object);
  return Object.freeze(value);
}
