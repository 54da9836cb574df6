// Upgrades for operators: which versions run, and the last step, after which there is no way back.

import { finishMigrations, type Migration, unfinished } from '#/platform/database/migrations.ts';
import { endpoint, type Endpoint } from '#/platform/http/endpoint.ts';
import { array, object, string } from '#/platform/http/schema.ts';
import { livingNodes } from '#/platform/nodes/nodes.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';
import { version } from '#/version.ts';

const admin = 'role:admin';

const t = texts('upgrade', {
  othersRun: {
    en: 'Control planes of other versions run ({versions}; this is {version}). Upgrade them first.',
    ko: '다른 버전의 컨트롤 플레인이 실행 중입니다({versions}, 이 버전은 {version}). 먼저 업그레이드하십시오.',
  },
});

const nodeView = object({ id: string(), version: string(), started_at: string(), last_seen_at: string() });

export function upgradeEndpoints(migrations: Migration[], alone: boolean): Endpoint[] {
  return [
    endpoint({
      policy: 'haneul:upgrade:show',
      allow: admin,
      route: 'GET /upgrade',
      replies: { 200: object({ version: string(), control_planes: array(nodeView), unfinished: array(string()) }) },
      async handle({ tx }) {
        const nodes = (await livingNodes(tx, alone)).map(({ startedAt, lastSeenAt, ...node }) => ({
          ...node,
          started_at: startedAt,
          last_seen_at: lastSeenAt,
        }));
        return { 200: { version, control_planes: nodes, unfinished: await unfinished(tx, migrations) } };
      },
    }),
    endpoint({
      policy: 'haneul:upgrade:finish',
      allow: admin,
      route: 'POST /upgrade/finish',
      replies: { 200: object({ finished: array(string()) }) },
      // Each in a transaction of its own, so that a kill between them leaves nothing half.
      async prepare({ db, request }) {
        const names = await db.read(async tx => {
          const others = (await livingNodes(tx, alone)).map(node => node.version).filter(other => other !== version);
          if (others.length) throw new Problem('conflict', t.othersRun, { versions: [...new Set(others)], version });
          return unfinished(tx, migrations);
        });
        if (request.headers['x-dry-run'] !== 'true') await finishMigrations(db, migrations);
        return names;
      },
      handle: async ({ prepared }) => ({ 200: { finished: prepared } }),
    }),
  ];
}
