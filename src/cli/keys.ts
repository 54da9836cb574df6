// `haneul keys rotate`: new keys for tokens, or with `--credentials` for what is stored.

import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '#/platform/problem/problem.ts';
import { type CloudClient, connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';

export async function keys(
  context: Context,
  word: string,
  options: DataOption & { credentials?: boolean },
): Promise<number> {
  if (word !== 'rotate') throw new Problem('invalid', o.keysUsage);
  const cloud = await connectCloud(context, options);
  if (options.credentials) return rotateCredentials(context, cloud);
  await cloud('POST', '/identity/keys/rotate');
  context.print(context.say(o.keysRotated));
  return 0;
}

const patienceMs = 30_000;

/** Waits for the end where that comes soon. */
async function rotateCredentials({ print, say }: Context, cloud: CloudClient): Promise<number> {
  const { body } = await cloud<{ operation: { id: string } }>('POST', '/identity/keys/credentials/rotate');
  const { id } = body.operation;
  const until = performance.now() + patienceMs;
  let phase = '';
  while (phase !== 'done' && performance.now() < until) {
    await pause(200);
    ({ phase } = (await cloud<{ operation: { phase: string } }>('GET', `/haneul/operations/${id}`)).body.operation);
  }
  print(say(phase === 'done' ? o.credentialKeysRotated : o.credentialKeysRotating, { id }));
  return 0;
}
