import { silentLog } from '../../log.ts';
import type { Log } from '../../log.ts';
import { readIndexFiles } from '../read-index.ts';
import { createSelection } from '../selection.ts';
import type { SelectionFindings, SelectionOptions } from '../selection.ts';
import type { SelectionFailure } from './judge-selection.ts';

/** What a selection met in an index, and what of the index could not be read. */
export interface IndexFindings extends SelectionFindings {
  /** Lines that are none of an index, and files out of place. */
  readonly malformed: number;
}

/**
 * What a selection meets in an index, for a tool that has to know before it begins, or that reads the index in another way. Reads the files of
 * the crates that are named, or all files. Each malformed line is told in the log.
 *
 * @throws {MirrorError} as `readIndexFiles`; ERR_USAGE when a pattern is none
 */
export async function findInIndex(
  indexDir: string,
  options: SelectionOptions,
  { signal, log = silentLog }: { readonly signal?: AbortSignal | undefined; readonly log?: Log | undefined } = {},
): Promise<IndexFindings> {
  const selection = createSelection(options);
  const { names } = selection;
  let malformed = 0;
  const reading = {
    ...(names === undefined ? {} : { only: names }),
    ...(signal === undefined ? {} : { signal }),
    onProblem: ({ message }: { readonly message: string }): void => {
      malformed += 1;
      log.warn('malformed line', { message });
    },
  };
  for await (const { entries } of readIndexFiles(indexDir, reading)) {
    selection.select(entries);
    if (selection.isDone()) break;
  }
  return { ...selection.findings(), malformed };
}

/** Why a run over a source with malformed lines is not complete; undefined when there is none. */
export function failureOfMalformed(malformed: number): SelectionFailure | undefined {
  if (malformed === 0) return undefined;
  return { code: 'ERR_PARTIAL', message: `${String(malformed)} malformed lines in the source` };
}
