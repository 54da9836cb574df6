// Calls the running cloud as its administrator, for commands that ask it something.

import type { DataPaths } from '#/platform/config/data-directory.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Context, DataOption } from './context.ts';
import { readCredentials } from './credentials-files.ts';
import { operatorTexts as o } from './operator-texts.ts';
import { findRunning, login } from './running.ts';
import { cliTexts as t } from './texts.ts';

export interface Answer<T> {
  status: number;
  body: T;
}

/** An answer of 400 and above becomes an exception, except those that `allow` names. */
export type CloudClient = <T>(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  options?: { body?: unknown; allow?: number[] },
) => Promise<Answer<T>>;

/** @throws Problem unavailable when no cloud runs or answers, forbidden when the credentials cannot be read */
export async function connectCloud(context: Context, options: DataOption, timeoutMs = 90_000): Promise<CloudClient> {
  const paths = context.paths(options);
  const { url, token } = await enter(context, paths);
  return async (method, path, { body, allow = [] } = {}) => {
    const reply = await ask(`${url}${path}`, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'x-auth-token': token,
        'accept-language': context.language,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    const answer = (text === '' ? {} : JSON.parse(text)) as { error?: { message?: string } };
    if (reply.status >= 400 && !allow.includes(reply.status))
      throw new Problem('invalid', o.refused, { message: answer.error?.message ?? `HTTP ${reply.status}` });
    return { status: reply.status, body: answer as never };
  };
}

async function enter(context: Context, paths: DataPaths): Promise<{ url: string; token: string }> {
  const { url } = findRunning(paths);
  if (!url) {
    const facts = { message: `${context.say(t.notRunning, { directory: paths.root })} ${context.say(t.startWith)}` };
    throw new Problem('unavailable', o.refused, facts);
  }
  const credentials = readCredentials(paths);
  if (!credentials) throw new Problem('forbidden', t.needsRootFor, { command: process.argv[2] ?? '' });
  try {
    const token = await login(url, credentials, AbortSignal.timeout(10_000));
    if (token) return { url, token };
  } catch (cause) {
    throw silent(cause);
  }
  throw new Problem('forbidden', o.loginRefused, { file: paths.credentials });
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw silent(cause);
  }
}

function silent(cause: unknown): Problem {
  const { cause: inner, message } = cause as Error & { cause?: NodeJS.ErrnoException };
  return new Problem('unavailable', o.noAnswer, { reason: inner?.code ?? message }, { cause });
}
