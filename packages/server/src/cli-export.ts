import { MirrorError, failureOfMalformed, worseFailure } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { openMirror } from './app/mirror.ts';
import type { ExportValues } from './cli-flags.ts';
import { mirrorPlaces, mirrorView } from './cli-mirror.ts';
import { exportStatic } from './export/export-static.ts';
import type { ExportCounts } from './export/export-static.ts';
import { verifyExport } from './export/verify-export.ts';
import { checkedPublicUrl } from './http/public-address.ts';

/** `mirror-server export`. */
export async function runExport(values: ExportValues, context: CommandContext): Promise<Outcome> {
  if (values.verify) return runVerify(context);
  const { log, signal } = context;
  const begin = Date.now();
  const { publicUrl } = checkedPublicUrl(values.publicUrl);
  const { options, notes, judge } = await mirrorView(values, context);
  const places = mirrorPlaces(values);
  const { counts: selected, isEmpty, malformed, failure: unmet } = await judge();
  if (isEmpty || unmet?.code === 'ERR_INTEGRITY') {
    const { code, message } = unmet ?? { code: 'ERR_PARTIAL', message: 'the selection shows nothing' };
    throw new MirrorError(code, message, { hint: 'nothing was exported' });
  }
  const mirror = await openMirror({
    ...places,
    ...options,
    cacheBytes: 2 ** 20,
    bundleRefreshMs: 0,
    log,
  });
  let counts: ExportCounts | undefined;
  const progress = context.progress({
    label: 'exporting',
    read: () => ({
      done: counts?.versions ?? 0,
      bytes: 0,
      failed: (counts?.corrupt ?? 0) + (counts?.unreadable ?? 0),
      more: { crates: counts?.crates ?? 0, missing: counts?.missing ?? 0 },
    }),
  });
  try {
    const [dir = ''] = context.positionals;
    const onCrate = (sofar: ExportCounts): void => {
      counts = sofar;
      progress.tick();
    };
    const { link, maxRemoved } = values;
    const done = await exportStatic({ mirror, dir, publicUrl, link, maxRemoved, signal, log, onCrate });
    progress.stop();
    if (done.missing > 0)
      log.warn('some versions of the index have no file', {
        versions: done.missing,
        hint: '--only-present leaves them out of the exported index',
      });
    const failure = worseFailure(worseFailure(unmet, failureOf(done)), failureOfMalformed(malformed));
    const result = failure === undefined ? 'complete' : 'incomplete';
    return {
      summary: { result, ...summaryOf(done, dir, publicUrl, notes, begin), malformed, ...selected },
      ...(failure === undefined ? {} : { failure }),
    };
  } finally {
    progress.stop();
    await mirror.close();
  }
}

function failureOf({ corrupt, unreadable, missing, placed, kept }: ExportCounts): Outcome['failure'] {
  if (corrupt > 0)
    return {
      code: 'ERR_INTEGRITY',
      message: `${String(corrupt)} files of the mirror are damaged and were not exported`,
    };
  if (unreadable > 0)
    return { code: 'ERR_PARTIAL', message: `${String(unreadable)} files cannot be read and were not exported` };
  if (missing === 0 || placed + kept > 0) return undefined;
  return {
    code: 'ERR_PARTIAL',
    message: `the mirror has none of the ${String(missing)} crate files that its index lists: check --root and --bundles`,
  };
}

function summaryOf(
  counts: ExportCounts,
  dir: string,
  publicUrl: string,
  notes: readonly string[],
  begin: number,
): object {
  const { crates, versions, placed, kept, missing, corrupt, unreadable, odd, removed, foreign } = counts;
  return {
    dir,
    index_url: `sparse+${publicUrl}/index/`,
    crates,
    versions,
    placed,
    kept,
    missing,
    corrupt,
    unreadable,
    odd_copies: odd,
    removed,
    foreign,
    index_written: counts.indexWritten,
    index_removed: counts.indexRemoved,
    notes,
    seconds: secondsSince(begin),
  };
}

/** `mirror-server export DIR --verify`: a line for each file that is not right, then the summary. */
async function runVerify(context: CommandContext): Promise<Outcome> {
  const begin = Date.now();
  const [dir = ''] = context.positionals;
  const found = await verifyExport(dir, (problem) => context.print(problem), context.signal);
  const { crates, crateFiles, good, bytes, absent, problems, unlisted } = found;
  const result = problems > 0 ? 'damaged' : crateFiles === 0 ? 'empty' : 'intact';
  const summary = {
    result,
    dir,
    crates,
    crate_files: crateFiles,
    good,
    bytes,
    absent,
    problems,
    unlisted,
    seconds: secondsSince(begin),
  };
  if (problems > 0)
    return {
      summary,
      failure: {
        code: 'ERR_INTEGRITY',
        message: `${String(problems)} files of ${dir} are not as they were exported; export again to replace them`,
      },
    };
  if (crateFiles > 0) return { summary };
  return { summary, failure: { code: 'ERR_PARTIAL', message: `${dir} holds no crate file: nothing was proved` } };
}

function secondsSince(begin: number): number {
  return Math.round((Date.now() - begin) / 100) / 10;
}
