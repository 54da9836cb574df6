import { equal, ok } from 'node:assert/strict';
import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cutLog, lastLines, newConsoleLog, readConsole } from './console-log.ts';
import { guestPaths } from './paths.ts';

test('the last lines', () => {
  equal(lastLines('a\nb\nc\n', 2), 'b\nc\n');
  equal(lastLines('a\nb\nc', 2), 'b\nc');
  equal(lastLines('a\n', 5), 'a\n');
  equal(lastLines('a\nb', 0), '');
  equal(lastLines('a\nb', null), 'a\nb');
  equal(lastLines('', 3), '');
});

test('a log that grows stays bounded, and its end is kept', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'console-'));
  const paths = { ...guestPaths(directory, 'x'), console: join(directory, 'log'), consoleOld: join(directory, 'old') };
  try {
    equal(await readConsole(paths, null), '');
    await newConsoleLog(paths, { uid: process.getuid!(), gid: process.getgid!() });
    const line = `${'x'.repeat(1023)}\n`;
    for (let round = 0; round < 5; round++) {
      await appendFile(paths.console, line.repeat(400));
      await appendFile(paths.console, `round ${round}\n`);
      await cutLog(paths.console, paths.consoleOld);
    }
    const said = await readConsole(paths, null);
    ok(said.endsWith('round 4\n'));
    ok(said.length >= 100 << 10 && said.length <= 1 << 20);
    ok((await stat(paths.console)).size + (await stat(paths.consoleOld)).size <= 1 << 20);
    equal(await readConsole(paths, 1), 'round 4\n');
    await newConsoleLog(paths, { uid: process.getuid!(), gid: process.getgid!() });
    equal(await readConsole(paths, null), '');
  } finally {
    await rm(directory, { recursive: true });
  }
});
