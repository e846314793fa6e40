import { MirrorError } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { interruptionOf } from './cli-interruption.ts';
import type { PruneValues } from './cli-prune.ts';
import { layoutOfMirror } from './mirror-layout.ts';
import { prune } from './prune.ts';
import type { PruneState, PruneSummary } from './prune.ts';

/** `mirror-downloader prune`. */
export async function runPrune(values: PruneValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const { indexDir, out, policy, maxShare, dryRun } = values;
  if (indexDir === undefined) throw new MirrorError('ERR_USAGE', 'prune needs an index', { hint: 'give --index-dir' });
  const layout = await layoutOfMirror(out, values.layout);
  let state: PruneState | undefined;
  const progress = context.progress({
    label: 'pruning',
    read: () => {
      const { files = 0, bytes = 0, failed = 0, gone = 0, taken_out = 0 } = state ?? {};
      return { done: files, bytes, failed, more: { gone, taken_out } };
    },
  });
  try {
    const summary = await prune({
      ...{ indexDir, out, layout, policy, maxShare, dryRun, signal, log },
      onGone: (file) => context.print(file),
      onStart: (running) => (state = running),
    });
    return { summary, ...failureOf(summary, maxShare, signal) };
  } finally {
    progress.stop();
  }
}

function failureOf(summary: PruneSummary, maxShare: number, signal: AbortSignal): Pick<Outcome, 'failure'> {
  const interruption = interruptionOf(signal);
  if (interruption !== undefined) return { failure: interruption };
  const { result, gone, files, failed, malformed } = summary;
  if (result === 'refused') {
    const message = `nothing was touched: the index lacks ${String(gone)} of the ${String(files)} versions in the mirror, more than --max-share ${String(maxShare * 100)}%; is it whole?`;
    return { failure: { code: 'ERR_INTEGRITY', message } };
  }
  if (failed === 0 && malformed === 0) return {};
  const message = `${String(failed)} files that are gone could not be read, ${String(malformed)} malformed lines in the index`;
  return { failure: { code: 'ERR_PARTIAL', message } };
}
