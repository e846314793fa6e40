import {
  MirrorError,
  cratesBasesOf,
  createSelection,
  failureOfMalformed,
  findInIndex,
  judgeSelection,
  selectionCounts,
  worseFailure,
} from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { withUnmet } from './cli-unmet.ts';
import type { ExportValues } from './cli-export.ts';
import { exportSet } from './export.ts';
import { layoutOfMirror } from './mirror-layout.ts';

/** `mirror-downloader export`. */
export async function runExport(values: ExportValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const { indexDir, to } = values;
  if (indexDir === undefined) throw new MirrorError('ERR_USAGE', 'no index is given', { hint: 'give --index-dir' });
  if (to === undefined) throw new MirrorError('ERR_USAGE', 'no place for the set is given', { hint: 'give --to' });
  const chosen = await readSelection(values, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  // what is made of nothing, or of crates that no lock asks for, must not cross the air gap: nothing is written then
  const findings = await findInIndex(indexDir, chosen, { signal, log });
  const unmet = worseFailure(judgeSelection(findings, { indexDir, log }), failureOfMalformed(findings.malformed));
  if (findings.taken === 0 || unmet?.code === 'ERR_INTEGRITY') {
    const { code, message } = unmet ?? { code: 'ERR_PARTIAL', message: 'the selection chooses nothing' };
    throw new MirrorError(code, message, { hint: 'nothing was exported' });
  }
  const selection = createSelection(chosen);
  let done = 0;
  let bytes = 0;
  const progress = context.progress({ label: 'exporting', read: () => ({ done, bytes, failed: 0 }) });
  const summary = await exportSet({
    indexDir,
    selection,
    to,
    out: values.out,
    layout: await layoutOfMirror(values.out, values.layout),
    bundlesDir: values.bundlesOut,
    since: values.since,
    mediaBytes: values.mediaSize,
    bundleBytes: values.bundleSizeGb,
    level: values.bundleLevel,
    baseUrl: cratesBasesOf(indexDir, values.cratesBaseUrl === undefined ? [] : [values.cratesBaseUrl], log)[0],
    signal,
    log,
    onDone: (exported) => {
      done += 1;
      bytes = exported;
      progress.tick();
    },
  });
  progress.stop();
  const counted = { ...summary, malformed: findings.malformed, ...selectionCounts(selection.findings()) };
  if (summary.missing === 0) return withUnmet({ summary: counted }, unmet);
  const message = `${String(summary.missing)} versions are not here and not in the set`;
  return withUnmet({ summary: counted, failure: { code: 'ERR_PARTIAL', message } }, unmet);
}
