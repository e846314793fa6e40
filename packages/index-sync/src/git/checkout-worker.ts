import { MirrorError } from '@mirror/core';
import { closeSync, openSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { CheckoutWork } from './check-out.ts';
import { visitChains } from './delta-chains.ts';
import { viewPackTable } from './pack-table.ts';
import { reportOutcome } from './report-outcome.ts';
import { STAT_BYTES, writeStat } from './stat-record.ts';
import { writeFreshFile } from './write-tree-file.ts';

// writes the files that stand on the given roots
reportOutcome(() => {
  const work = workerData as CheckoutWork;
  const { needed, fileOf, nextFile, executable, workTree } = work;
  const table = viewPackTable(work.count, work.columns);
  const paths = work.paths.split('\n');
  const stats = Buffer.from(work.stats);
  const fd = openSync(work.packPath, 'r');
  try {
    visitChains(
      table,
      fd,
      work.roots,
      work.limits,
      (entry, type, data) => {
        for (let link = fileOf[entry] as number; link !== 0; link = nextFile[link - 1] as number) {
          const file = link - 1;
          const path = paths[file] as string;
          if (type !== 'blob')
            throw new MirrorError('ERR_INTEGRITY', `git tree: ${path} is a ${type}, expected a blob`);
          writeStat(
            stats,
            STAT_BYTES * file,
            writeFreshFile(workTree, path, data, executable.has(file)),
            executable.has(file),
          );
        }
      },
      (entry) => needed[entry] === 0,
    );
  } finally {
    closeSync(fd);
  }
});
