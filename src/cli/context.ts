// What every command starts from: language, data directory, configuration, and how to print.

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Config, type ConfigOverrides, loadConfig } from '#/platform/config/config.ts';
import { type DataPaths, dataPaths } from '#/platform/config/data-directory.ts';
import type { Language, Text } from '#/platform/text/text.ts';

export interface DataOption {
  data?: string;
}

export interface Context {
  language: Language;
  env: Record<string, string | undefined>;
  root: boolean;
  /** A line on standard output. */
  print(line: string): void;
  say(text: Text, facts?: Record<string, unknown>): string;
  paths(options: DataOption): DataPaths;
  config(paths: DataPaths, overrides?: ConfigOverrides): Config;
}

export function contextOf(env: Record<string, string | undefined>): Context {
  const language: Language = (env.LC_ALL || env.LC_MESSAGES || env.LANG || '').startsWith('ko') ? 'ko' : 'en';
  const root = process.getuid!() === 0;
  // A reader that went away (`haneul logs | head`) ends the command without a word.
  process.stdout.on('error', err => process.exit((err as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 1));
  return {
    language,
    env,
    root,
    print: line => void process.stdout.write(`${line}\n`),
    say: (text, facts) => text.say(language, facts),
    paths: ({ data }) =>
      dataPaths(
        resolve(
          data ??
            env.HANEUL_DATA ??
            (root ? '/var/lib/haneul' : `${env.XDG_DATA_HOME || `${homedir()}/.local/share`}/haneul`),
        ),
      ),
    config: (paths, overrides = {}) => loadConfig({ file: paths.config, env, overrides }),
  };
}
