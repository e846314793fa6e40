import { readIndexFiles } from '../read-index.ts';
import { createSelection } from '../selection.ts';
import type { SelectionFindings, SelectionOptions } from '../selection.ts';

/**
 * What a selection meets in an index, for a tool that has to know before it begins, or that reads the index in another way. Reads the files of
 * the crates that are named, or all files.
 *
 * @throws {MirrorError} as `readIndexFiles`; ERR_USAGE when a pattern is none
 */
export async function findInIndex(
  indexDir: string,
  options: SelectionOptions,
  signal?: AbortSignal,
): Promise<SelectionFindings> {
  const selection = createSelection(options);
  const { names } = selection;
  const reading = { ...(names === undefined ? {} : { only: names }), ...(signal === undefined ? {} : { signal }) };
  for await (const { entries } of readIndexFiles(indexDir, reading)) {
    selection.select(entries);
    if (selection.isDone()) break;
  }
  return selection.findings();
}
