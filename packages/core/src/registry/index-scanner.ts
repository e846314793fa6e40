import { createBatchDecoder } from './entry-batch.ts';
import type { ScannedFile } from './entry-batch.ts';
import { countedFile } from './entries-of.ts';
import type { IndexFileEntries } from './entries-of.ts';
import { locateIndexSource, openIndexSource } from './index-source.ts';
import type { IndexListing } from './index-source.ts';
import { createFileScanner } from './scan-index-file.ts';
import { createWasmEngine } from './wasm-engine.ts';

/**
 * Reads an index file by file in the calling thread, without promises: for tools that do more with a line than choose it, and
 * so bring threads of their own. Everybody else takes `readIndexFiles`.
 */
export interface IndexScanner {
  /** The folders at the top, in path order. */
  folders(): readonly string[];
  /** The index paths below one folder, in path order. */
  list(folder: string): IndexListing;
  /** Those of `indexPaths` that exist. */
  existing(indexPaths: readonly string[]): readonly string[];
  /** What one file holds, with the text of each line. */
  scan(indexPath: string): IndexFileEntries;
}

/**
 * A scanner for the index in `dir`.
 *
 * @throws {MirrorError} ERR_IO when `dir` does not exist or cannot be read; ERR_CONFIG when it is no directory
 */
export function openIndexScanner(dir: string): IndexScanner {
  const source = openIndexSource(locateIndexSource(dir));
  const decoder = createBatchDecoder();
  let found: ScannedFile[] = [];
  const scanner = createFileScanner({
    engine: createWasmEngine(true),
    withText: true,
    emit: (batch) => found.push(...decoder.push(batch)),
  });
  return {
    folders: source.folders,
    list: source.list,
    existing: source.existing,
    scan: (indexPath) => {
      scanner.scan(source, indexPath);
      scanner.flush();
      const [file = { indexPath, entries: [], problems: [] }] = [...found, ...decoder.end()];
      found = [];
      return countedFile(file);
    },
  };
}
