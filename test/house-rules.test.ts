// Rules that every source file keeps: no shell, no eval, one way to run a tool, time and randomness passed in, files written whole.

import { deepEqual } from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', 'src');

interface Rule {
  name: string;
  pattern: RegExp;
  /** Files that are the one place for it. */
  except: RegExp;
}

const rules: Rule[] = [
  { name: 'no eval', pattern: /\beval\(|new Function\(|from 'node:vm'/, except: /^$/ },
  { name: 'no shell', pattern: /shell: true|\bexecSync\(|\bexec\(`|'\/bin\/sh', *'-c'|"-c", *"/, except: /^$/ },
  { name: 'time is passed in', pattern: /\bDate\.now\(|\bnew Date\(\)/, except: /platform\/clock\/clock\.ts$|^cli\// },
  {
    name: 'randomness is passed in',
    pattern: /Math\.random\(|randomUUID\(|randomBytes\(/,
    except: /platform\/clock\/clock\.ts$/,
  },
  { name: 'raw SQL only in migrations', pattern: /sql\.raw\(/, except: /platform\/database\/migrations\.ts$/ },
  { name: 'no console.log', pattern: /console\.(log|error|warn)\(/, except: /^$/ },
  {
    name: 'files are written whole, by platform/files',
    pattern:
      /\b(writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream)\(|\bopen(Sync)?\([^)]*'(w|wx|a|w\+)'/,
    except: new RegExp(
      [
        'platform/files/write-whole',
        // Written by developers' commands, into the repository.
        'platform/config/write-docs|reference/generate',
        // Streams of bytes with their own order: written aside, synced, then renamed.
        'services/image/data/image-files',
        // Logs, and a process's own name: nothing that must be whole.
        'cli/rotating-log|cli/process-facts|hypervisor/qemu/console-log',
        // Trials and workshops that are thrown away; what they make goes on by `publishFile`.
        'cli/doctor|host/fetch-image|hypervisor/qemu/accelerator|hypervisor/qemu/config-drive|guest-image/disk|guest-image/build-tiny-image',
        // Empty files that are there or not; /proc.
        'volume/file/folders|network/bridge/(marks|networks|host)|cli/upgrade',
      ]
        .map(place => `(${place})\\.ts$`)
        .join('|'),
    ),
  },
  { name: 'nothing left to do', pattern: /\bTODO\b|\bFIXME\b|\bXXX\b/, except: /^$/ },
];

for (const { name, pattern, except } of rules)
  test(name, () => {
    const wrong: string[] = [];
    for (const file of globSync('**/*.ts', { cwd: root })) {
      if (except.test(file) || file.endsWith('.test.ts')) continue;
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .forEach((line, at) => {
          const code = line.replace(/^\s*(\/\/|\*|\/\*).*$/, '').replace(/\/\/ .*$/, '');
          if (pattern.test(code)) wrong.push(`${file}:${at + 1}`);
        });
    }
    deepEqual(wrong, []);
  });
