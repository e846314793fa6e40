import { MAX_INDEX_LINE_BYTES, parseIndexLine, type BundleEntry } from './bundle-index.ts';
import { MirrorError } from '../errors.ts';
import { isThere } from './publish.ts';
import { linesOfFile } from './lines-of-file.ts';

/** An entry and where its index line begins. */
export interface LocatedEntry {
  readonly entry: BundleEntry;
  readonly lineAt: number;
}

/**
 * The entries of the finished index `file`, in archive order, in batches.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a line that is no entry, or a torn last line; ERR_IO when there is no such file
 */
export async function* loadEntries(file: string): AsyncGenerator<LocatedEntry[]> {
  if (!(await isThere(file))) throw missingIndex(file);
  for await (const lines of linesOfFile(file, MAX_INDEX_LINE_BYTES)) {
    yield lines.map((line) => {
      const where = `${file}:${line.number}`;
      if (!line.isWhole) throw new MirrorError('ERR_INTEGRITY', `${where}: the last line is torn`);
      return { entry: parseIndexLine(line.text, where), lineAt: line.at };
    });
  }
}

/** What is said when a bundle lacks its index. */
export function missingIndex(file: string): MirrorError {
  return new MirrorError('ERR_IO', `${file}: the index of a bundle is missing`, {
    hint: 'a bundle and its index belong together: copy both',
  });
}
