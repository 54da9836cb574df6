// `haneul policy explain USER ACTION [TARGET]`: may they, and which part of which rule says so. `policy bundle` is next door.

import { Problem } from '#/platform/problem/problem.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { operatorTexts as o } from './operator-texts.ts';
import { policyBundle } from './policy-bundle.ts';

interface Explained {
  allowed: boolean;
  rule: string;
  definition: string;
  overridden: boolean;
  sentence: string;
  roles: string[];
}

/** @returns 0 when it is allowed, 1 when not */
export async function policy(
  context: Context,
  [word, user, action, target]: (string | undefined)[],
  options: DataOption & { project?: string; domain?: string; system?: boolean; json?: boolean },
): Promise<number> {
  const { print, say } = context;
  if (word === 'bundle') return policyBundle(context, [user, action], options);
  if (word !== 'explain' || user === undefined || action === undefined) throw new Problem('invalid', o.policyUsage);
  const cloud = await connectCloud(context, options);
  const { body } = await cloud<Explained>('POST', '/haneul/policy/explain', {
    body: {
      user,
      action,
      ...(options.project === undefined ? {} : { project: options.project }),
      ...(options.domain === undefined ? {} : { domain: options.domain }),
      ...(options.system ? { system: true } : {}),
      ...(target === undefined ? {} : { target: readTarget(target) }),
    },
  });
  if (options.json) print(JSON.stringify(body, null, 2));
  else {
    print(body.sentence);
    print(say(o.policyRoles, { roles: body.roles }));
    print(
      say(body.overridden ? o.policyOverridden : o.policyDefault, { rule: body.rule, definition: body.definition }),
    );
  }
  return body.allowed ? 0 : 1;
}

/** `project_id=x,user_id=y` */
function readTarget(text: string): Record<string, string> {
  const pairs = text.split(',').map(part => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
  if (pairs.some(([name]) => name === '')) throw new Problem('invalid', o.policyUsage);
  return Object.fromEntries(pairs) as Record<string, string>;
}
