import { setImmediate as nextTurn } from 'node:timers/promises';
import { MirrorError } from '../errors.ts';
import { createBatchDecoder } from './entry-batch.ts';
import type { IndexFileEntries, IndexProblem } from './entry-batch.ts';
import type { IndexEntry } from './index-entry.ts';
import { WHAT_AN_INDEX_IS, indexPathsOf, openIndexDirectory } from './index-source.ts';
import type { IndexSource } from './index-source.ts';
import { createIdleEngine } from './line-engine.ts';
import { createFileScanner } from './scan-index-file.ts';
import type { FileScanner } from './scan-index-file.ts';

export interface ReadIndexOptions {
  readonly only?: readonly string[];
  readonly withText?: boolean;
  readonly signal?: AbortSignal;
  readonly onProblem?: (problem: IndexProblem) => void;
  readonly onIgnored?: (count: number) => void;
}

export async function* readIndex(
  dir: string,
  options: ReadIndexOptions = {},
): AsyncGenerator<IndexEntry, void, undefined> {
  for await (const { entries } of readIndexFiles(dir, options)) yield* entries;
}

export async function* readIndexFiles(
  dir: string,
  options: ReadIndexOptions = {},
): AsyncGenerator<IndexFileEntries, void, undefined> {
  const source = openIndexDirectory(dir);
  const folders = source.folders();
  if (folders.length === 0)
    throw new MirrorError('ERR_CONFIG', `index ${dir}: holds no file of an index`, { hint: WHAT_AN_INDEX_IS });
  let found: IndexFileEntries[] = [];
  const decoder = createBatchDecoder();
  const scanner = createFileScanner({
    engine: createIdleEngine(),
    withText: options.withText ?? false,
    emit: (batch) => found.push(...decoder.push(batch)),
  });
  for (const folder of folders) {
    options.signal?.throwIfAborted();
    for (const indexPath of source.list(folder).indexPaths) scanOne(source, scanner, indexPath);
    scanner.flush();
    found.push(...decoder.end());
    for (const file of found) {
      for (const problem of file.problems) options.onProblem?.(problem);
      yield file;
    }
    found = [];
    await nextTurn();
  }
}

function scanOne(source: IndexSource, scanner: FileScanner, indexPath: string): void {
  const file = source.open(indexPath);
  try {
    scanner.scan(indexPath, file);
  } finally {
    file.close();
  }
}
void indexPathsOf;
