import { MirrorError } from '@mirror/core/errors';
import { viewPackTable, visitChains } from '@mirror/core/git';
import { readSharedStrings, reportOutcome } from '@mirror/core/threads';
import { closeSync, openSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { CheckoutWork } from './check-out.ts';
import { STAT_BYTES, writeStat } from './stat-record.ts';
import { writeFreshFile } from './write-tree-file.ts';

// writes the files that stand on the given roots
reportOutcome(() => {
  const work = workerData as CheckoutWork;
  const { needed, fileOf, nextFile, executable, workTree } = work;
  const table = viewPackTable(work.count, work.columns);
  const pathOf = readSharedStrings(work.paths);
  const stats = Buffer.from(work.stats);
  const fd = openSync(work.packPath, 'r');
  const write = (file: number, type: string, data: Buffer): void => {
    const path = pathOf(file);
    if (type !== 'blob') throw new MirrorError('ERR_INTEGRITY', `git tree: ${path} is a ${type}, expected a blob`);
    const isExecutable = executable.has(file);
    writeStat(stats, STAT_BYTES * file, writeFreshFile(workTree, path, data, isExecutable), isExecutable);
  };
  try {
    visitChains(
      table,
      fd,
      work.roots,
      work.limits,
      (entry, type, data) => {
        for (let link = fileOf[entry] as number; link !== 0; link = nextFile[link - 1] as number)
          write(link - 1, type, data);
      },
      (entry) => needed[entry] === 0,
    );
  } finally {
    closeSync(fd);
  }
});
