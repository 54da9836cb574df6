// Writes docs/configuration.md and docs/configuration.ko.md: `node src/platform/config/write-docs.ts`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './describe.ts';

const docs = join(import.meta.dirname, '../../../docs');
writeFileSync(join(docs, 'configuration.md'), configurationPage('en'));
writeFileSync(join(docs, 'configuration.ko.md'), configurationPage('ko'));
