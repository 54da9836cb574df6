import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../test/test-cloud.ts';

test('a request is followed through the logs, to what its host did and took away', async () => {
  const lines: Record<string, unknown>[] = [];
  const logTo = (line: string): void => void lines.push(JSON.parse(line));
  await using cloud = await testCloud({ hosts: 1, logLevel: 'info', logTo });
  const member = cloud.as('member');
  const requestOf = (method: string): unknown =>
    lines.findLast(line => line['msg'] === 'request' && line['method'] === method)?.['requestId'];

  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  const made = requestOf('POST');
  await cloud.settle();
  await member.delete(`/volume/v3/{project}/volumes/${volume.id}`, 202);
  const removed = requestOf('DELETE');
  await cloud.settle();

  const byHost = (msg: string): unknown =>
    lines.find(line => line['msg'] === msg && line['key'] === `volume/${volume.id}`)?.['requestId'];
  ok(made && removed);
  equal(byHost('as planned'), made);
  equal(byHost('removed'), removed);
});
