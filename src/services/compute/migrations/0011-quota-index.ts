// What a project has is summed up from the index alone.

import { createIndex, type Migration } from '#/platform/database/migrations.ts';

export const quotaIndex: Migration = {
  name: 'compute/0011-quota-index',
  up: tx => createIndex(tx, 'computeServers', ['projectId', 'vcpus', 'memoryMib']),
};
