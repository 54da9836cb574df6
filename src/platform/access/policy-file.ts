// The operator's policy files: YAML or JSON, read again when they change. A change that cannot be used is logged and the
// rules before it stay; a cloud never starts on a file that it cannot read.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Policy, PolicyOptions } from './policy.ts';
import { createPolicy } from './policy.ts';
import { policyTexts } from './texts.ts';

export interface PolicyFile extends Policy {
  /** Looks at the file now. */
  check(): void;
  close(): void;
}

export interface PolicyFileOptions extends Omit<PolicyOptions, 'overrides'> {
  /** A file, or a directory of `*.yaml` and `*.json` files. May be absent, now or later: then the defaults hold. */
  file: string;
  clock: Clock;
  log: Logger;
  /** Default 5,000. */
  everyMs?: number;
}

/** @throws Problem invalid when the file is there and cannot be used */
export function policyFromFile({ file, clock, log, everyMs = 5000, ...options }: PolicyFileOptions): PolicyFile {
  let stamp = stampOf(file);
  let policy = createPolicy({ ...options, overrides: readPolicies(file) });
  let timer: Timer;

  function check(): void {
    const now = stampOf(file);
    if (now === stamp) return;
    stamp = now;
    try {
      policy = createPolicy({ ...options, overrides: readPolicies(file) });
      log.info({ file }, 'policy read again');
    } catch (err) {
      log.error(
        { err, file, reason: err instanceof Problem ? err.say() : undefined },
        'the changed policy cannot be used; the one before it stays',
      );
    }
  }
  function wait(): void {
    timer = clock.after(everyMs, () => {
      check();
      wait();
    });
  }
  wait();
  return {
    allows: (name, credentials, target) => policy.allows(name, credentials, target),
    explain: (name, credentials, target) => policy.explain(name, credentials, target),
    rules: () => policy.rules(),
    check,
    close: () => timer.cancel(),
  };
}

/** Changes when a file does. */
function stampOf(path: string): string {
  return filesAt(path)
    .map(file => {
      const found = statSync(file, { throwIfNoEntry: false, bigint: true });
      return found ? `${file}/${found.ino}/${found.mtimeNs}/${found.size}` : '';
    })
    .join();
}

/** The path itself, or the policy files in it when it is a directory. */
function filesAt(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const names = readdirSync(path).filter(name => /\.(ya?ml|json)$/.test(name));
  return names.sort().map(name => join(path, name));
}

function readPolicies(path: string): NonNullable<PolicyOptions['overrides']> {
  return new Map(filesAt(path).flatMap(file => [...readPolicyFile(file)]));
}

/** Name → rule; empty where there is no file. @throws Problem invalid */
export function readPolicyFile(file: string): NonNullable<PolicyOptions['overrides']> {
  let rules: unknown;
  try {
    rules = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw new Problem('invalid', policyTexts.badFile, { file, reason: firstLine(cause) }, { cause });
  }
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules))
    throw new Problem('invalid', policyTexts.badFile, { file, reason: 'it is not a mapping' });
  return new Map(
    Object.entries(rules).map(([name, rule]) => {
      if (!isRule(rule))
        throw new Problem('invalid', policyTexts.badFile, {
          file,
          reason: `${name} is neither a text nor a list of texts`,
        });
      return [name, rule];
    }),
  );
}

function isRule(rule: unknown): rule is string | (string | string[])[] {
  const isText = (value: unknown): boolean => typeof value === 'string';
  return (
    isText(rule) ||
    (Array.isArray(rule) && rule.every(part => isText(part) || (Array.isArray(part) && part.every(isText))))
  );
}

function firstLine(thrown: unknown): string {
  return (thrown as Error).message.split('\n')[0]!.replace(/:$/, '');
}
