import { MirrorError } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import type { ImportValues } from './cli-import.ts';
import { manifestOf } from './cli-mirror-place.ts';
import { importSet } from './import.ts';
import { recordsToFile } from './records.ts';

/** `mirror-downloader import`. */
export async function runImport(values: ImportValues, context: CommandContext): Promise<Outcome> {
  const { log, signal, positionals } = context;
  const [from] = positionals;
  if (from === undefined) throw new MirrorError('ERR_USAGE', 'no set is given', { hint: 'name its folder' });
  let bytes = 0;
  const progress = context.progress({ label: 'importing', read: () => ({ done: 0, bytes, failed: 0 }) });
  const summary = await importSet({
    from,
    out: values.out,
    indexDir: values.indexDir,
    openRecords: () => recordsToFile(manifestOf(values, log)),
    checkOnly: values.check,
    flush: values.fsync,
    baseUrl: values.cratesBaseUrl,
    signal,
    log,
    onBytes: (more) => {
      bytes += more;
    },
  });
  progress.stop();
  return { summary };
}
