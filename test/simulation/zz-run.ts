import { simulate } from '#/simulation/simulate.ts';
import { createLogger } from '#/platform/log/log.ts';
const [first = '1', n = '1', actions = '100', hosts = '4', faults = '1'] = process.argv.slice(2);
let bad = 0,
  ms = 0,
  acts = 0,
  nf = 0;
const t0 = performance.now();
for (let s = +first; s < +first + +n; s++) {
  const t = performance.now();
  const r = await simulate({
    seed: s,
    actions: +actions,
    hosts: +hosts,
    faults: faults === '1',
    log: process.env.LOG ? createLogger('sim', process.env.LOG as never) : undefined,
  });
  ms += r.simulatedMs;
  acts += r.actions;
  const f = [...r.faults.values()].reduce((a, b) => a + b, 0);
  nf += f;
  console.log(
    s,
    r.actions,
    'acts',
    r.requests,
    'req',
    f,
    'faults',
    (r.simulatedMs / 60000).toFixed(0) + 'min',
    ((performance.now() - t) / 1000).toFixed(1) + 's',
    r.violations.length,
    r.trace.slice(0, 8),
  );
  for (const v of r.violations.slice(0, 12)) console.log('   ', v.invariant, v.resource, v.sentence.en.slice(0, 400));
  if (r.violations.length) bad++;
}
console.log({ bad, acts, nf, speed: ms / (performance.now() - t0) });
