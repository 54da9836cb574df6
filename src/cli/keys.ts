// `haneul keys rotate`: new keys for tokens.

import { Problem } from '#/platform/problem/problem.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';

export async function keys(context: Context, word: string, options: DataOption): Promise<number> {
  if (word !== 'rotate') throw new Problem('invalid', o.keysUsage);
  const cloud = await connectCloud(context, options);
  await cloud('POST', '/identity/keys/rotate');
  context.print(context.say(o.keysRotated));
  return 0;
}
