import { MirrorError, createSelection } from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import type { ExportValues } from './cli-export.ts';
import { exportSet } from './export.ts';

/** `mirror-downloader export`. */
export async function runExport(values: ExportValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const { indexDir, to } = values;
  if (indexDir === undefined) throw new MirrorError('ERR_USAGE', 'no index is given', { hint: 'give --index-dir' });
  if (to === undefined) throw new MirrorError('ERR_USAGE', 'no place for the set is given', { hint: 'give --to' });
  const selection = createSelection(
    await readSelection(values, (packages) => {
      log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
    }),
  );
  let done = 0;
  let bytes = 0;
  const progress = context.progress({ label: 'exporting', read: () => ({ done, bytes, failed: 0 }) });
  const summary = await exportSet({
    indexDir,
    selection,
    to,
    out: values.out,
    layout: values.layout,
    bundlesDir: values.bundlesOut,
    since: values.since,
    mediaBytes: values.mediaSize,
    bundleBytes: values.bundleSizeGb,
    level: values.bundleLevel,
    baseUrl: values.cratesBaseUrl,
    signal,
    log,
    onDone: (exported) => {
      done += 1;
      bytes = exported;
      progress.tick();
    },
  });
  progress.stop();
  if (summary.missing === 0) return { summary };
  const message = `${String(summary.missing)} versions are not here and not in the set`;
  return { summary, failure: { code: 'ERR_PARTIAL', message } };
}
