// The cloud of image.ts, in a process of its own so that only its memory counts: `image-server.ts DIRECTORY ROUNDS`.

import { testCloud } from '../test/test-cloud.ts';

const directory = process.argv[2]!;
const cloud = await testCloud({ hosts: 0, seed: 7, directory, realClock: true });
const member = cloud.as('member');
const ask = { name: 'big', disk_format: 'raw', container_format: 'bare' };
const urls: string[] = [];
for (let round = 0; round < Number(process.argv[3]); round++) {
  const { id } = await member.post('/image/v2/images', ask, 201);
  urls.push(`${cloud.url}/image/v2/images/${id}/file`);
}
// What is started once, such as the hashing thread, is there before memory is looked at.
const warm = await member.post('/image/v2/images', ask, 201);
const headers = { 'content-type': 'application/octet-stream' };
await member.request('PUT', `/image/v2/images/${warm.id}/file`, { raw: Buffer.alloc(1 << 20), headers });
let peak = process.memoryUsage().rss;
const before = peak;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 20).unref();
process.send!({ urls, token: member.token });
process.on('message', () => process.send!({ growth: peak - before }));
