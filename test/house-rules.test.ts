// Rules that every source file keeps: no shell, no eval, one way to run a tool, time and randomness passed in.

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
