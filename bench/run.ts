// Runs the measurements and prints each as a line of a table, with what it is held against and the target.
// `./haneul test bench [NAME…]`, or `node bench/run.ts [--save] [NAME…]`; --save also writes bench/RESULTS.md.

import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { agents } from './agents.ts';
import { ceiling } from './ceiling.ts';
import { interrupt } from './cloud.ts';
import { identity } from './identity.ts';
import { image } from './image.ts';
import { load } from './load.ts';
import type { Measurement, Row } from './measurement.ts';
import { liveMigration } from './live-migration.ts';
import { memory } from './memory.ts';
import { scale } from './scale.ts';
import { ssh } from './ssh.ts';
import { start } from './start.ts';
import { startReal } from './start-real.ts';

const measurements: Measurement[] = [
  start,
  startReal,
  memory,
  ceiling,
  load,
  identity,
  image,
  ssh,
  scale,
  agents,
  liveMigration,
];

const words = process.argv.slice(2);
const names = words.filter(word => !word.startsWith('--'));
const unknown = names.filter(name => !measurements.some(measurement => measurement.name === name));
if (words.includes('--list') || unknown.length) {
  if (unknown.length) process.stderr.write(`There is no measurement ${unknown.join(', ')}; there are:\n`);
  for (const { name, about } of measurements) process.stdout.write(`${name.padEnd(12)} ${about}\n`);
  process.exit(unknown.length ? 2 : 0);
}

const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  process.stdout.write(`${line}\n`);
};
say(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
let missed = 0;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stopped = true;
    interrupt();
  });
for (const measurement of measurements) {
  if (stopped || (names.length && !names.includes(measurement.name))) continue;
  say(`\n## ${measurement.name}: ${measurement.about}\n`);
  if (measurement.needsRoot && process.getuid!() !== 0) {
    say('Skipped: it needs root.');
    continue;
  }
  let first = true;
  const tell = (row: Row): void => {
    if (first) say('| what | measured | against | ratio | target | met |\n| --- | --: | --: | --: | --: | --- |');
    first = false;
    if (row.met === false) missed++;
    const met = row.met === undefined ? '' : row.met ? 'yes' : '**no**';
    say(`| ${row.what} | ${row.measured} | ${row.against ?? ''} | ${row.ratio ?? ''} | ${row.target ?? ''} | ${met} |`);
  };
  try {
    const reason = await measurement.run(tell);
    if (reason) say(`Skipped: ${reason}`);
  } catch (error) {
    missed++;
    say(`Failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
if (words.includes('--save')) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), `${lines.join('\n')}\n`);
process.exitCode = missed ? 1 : 0;
