import { MAX_INDEX_LINE_BYTES, parseIndexLine, type BundleEntry } from './bundle-index.ts';
import { MirrorError } from '../errors.ts';
import { linesOfFile } from './lines-of-file.ts';

/** An entry and where its index line begins. */
export interface LocatedEntry {
  readonly entry: BundleEntry;
  readonly lineAt: number;
}

/**
 * The entries of the finished index `file`, in archive order, in batches.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a line that is no entry, or a torn last line
 */
export async function* loadEntries(file: string): AsyncGenerator<LocatedEntry[]> {
  for await (const lines of linesOfFile(file, MAX_INDEX_LINE_BYTES)) {
    yield lines.map((line) => {
      const where = `${file}:${line.number}`;
      if (!line.isWhole) throw new MirrorError('ERR_INTEGRITY', `${where}: the last line is torn`);
      return { entry: parseIndexLine(line.text, where), lineAt: line.at };
    });
  }
}
