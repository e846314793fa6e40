import { MirrorError, worseFailure } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { openMirror } from './app/mirror.ts';
import type { ExportValues } from './cli-flags.ts';
import { mirrorPlaces, mirrorView } from './cli-mirror.ts';
import { exportStatic } from './export/export-static.ts';
import type { ExportCounts } from './export/export-static.ts';
import { checkedPublicUrl } from './http/public-address.ts';

/** `mirror-server export`. */
export async function runExport(values: ExportValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const begin = Date.now();
  const { publicUrl } = checkedPublicUrl(values.publicUrl);
  const { options, notes, judge } = await mirrorView(values, context);
  const places = mirrorPlaces(values);
  const { counts: selected, isEmpty, failure: unmet } = await judge();
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
      failed: counts?.corrupt ?? 0,
      more: { crates: counts?.crates ?? 0, missing: counts?.missing ?? 0 },
    }),
  });
  try {
    const [dir = ''] = context.positionals;
    const onCrate = (sofar: ExportCounts): void => {
      counts = sofar;
      progress.tick();
    };
    const done = await exportStatic({ mirror, dir, publicUrl, link: values.link, signal, log, onCrate });
    progress.stop();
    if (done.missing > 0)
      log.warn('some versions of the index have no file', {
        versions: done.missing,
        hint: '--only-present leaves them out of the exported index',
      });
    const damaged =
      done.corrupt === 0
        ? undefined
        : ({
            code: 'ERR_INTEGRITY',
            message: `${String(done.corrupt)} files of the mirror are damaged and were not exported`,
          } as const);
    const failure = worseFailure(unmet, damaged);
    const result = failure === undefined ? 'complete' : 'incomplete';
    return {
      summary: { result, ...summaryOf(done, dir, publicUrl, notes, begin), ...selected },
      ...(failure === undefined ? {} : { failure }),
    };
  } finally {
    progress.stop();
    await mirror.close();
  }
}

function summaryOf(
  counts: ExportCounts,
  dir: string,
  publicUrl: string,
  notes: readonly string[],
  begin: number,
): object {
  const { crates, versions, placed, kept, missing, corrupt, indexWritten, indexRemoved } = counts;
  return {
    dir,
    index_url: `sparse+${publicUrl}/index/`,
    crates,
    versions,
    placed,
    kept,
    missing,
    corrupt,
    index_written: indexWritten,
    index_removed: indexRemoved,
    notes,
    seconds: Math.round((Date.now() - begin) / 100) / 10,
  };
}
