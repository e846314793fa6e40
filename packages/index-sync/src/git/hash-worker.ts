import { hashObject, viewPackTable, visitChains } from '@mirror/core/git';
import { reportOutcome } from '@mirror/core/threads';
import { closeSync, openSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { HashWork } from './index-pack.ts';

// names every object that stands on the given roots
reportOutcome(() => {
  const work = workerData as HashWork;
  const table = viewPackTable(work.count, work.columns);
  const fd = openSync(work.packPath, 'r');
  try {
    visitChains(table, fd, work.roots, work.limits, (n, type, data) => hashObject(type, data).copy(table.id, 20 * n));
  } finally {
    closeSync(fd);
  }
});
