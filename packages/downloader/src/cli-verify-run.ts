import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, failureOfMalformed, parsePublishTime, worseFailure } from '@mirror/core';
import { readJournal } from '@mirror/core/mirror';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { checkBundles } from './cli-verify-bundles.ts';
import { interruptionOf } from './cli-interruption.ts';
import { manifestOf } from './cli-mirror-place.ts';
import { fetchingOf, sourceOf } from './cli-run.ts';
import { withUnmet } from './cli-unmet.ts';
import type { VerifyValues } from './cli-verify.ts';
import { replacedFailure } from './cli-replaced.ts';
import { recordsWhenNeeded } from './records.ts';
import { layoutOfMirror } from './mirror-layout.ts';
import { readPending } from './absence/pending.ts';
import type { Records } from './records.ts';
import { readAbsentPaths } from './verify/absent-paths.ts';
import { createKnownPaths, verify } from './verify.ts';
import type { RepairOptions, VerifyOptions, VerifyState, VerifySummary } from './verify.ts';

/** `mirror-downloader verify`. */
export async function runVerify(values: VerifyValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const manifest = manifestOf(values, log);
  const layout = await layoutOfMirror(values.out, values.layout);
  const { known, onCrate } = createKnownPaths(layout);
  const { work, selection } = await sourceOf({ ...values, layout }, context, onCrate);
  const changedSinceMs =
    values.since === undefined ? {} : { changedSinceMs: parsePublishTime(values.since, Date.now()) };
  const bundles = await checkBundles(values, context);
  const repair = values.repair ? repairOf(values, manifest, context) : undefined;
  let state: VerifyState | undefined;
  const progress = context.progress({ label: 'verifying', read: () => progressOf(state) });
  try {
    const summary = await verify({
      source: { work: bundles.without(work), known, names: selection.names, findsExtras: values.limit === 0 },
      out: values.out,
      layout,
      sample: values.sample,
      seed: values.seed ?? (values.sample < 1 ? randomBytes(4).toString('hex') : ''),
      ...changedSinceMs,
      threads: values.threads,
      absent: manifest === '-' ? undefined : await readAbsentPaths(manifest),
      pending: new Set((await readPending(values.out)).keys()),
      intactElsewhere: bundles.intact,
      wasRight: manifest === '-' ? undefined : createWasRight(manifest, signal),
      ownFile: pathInside(values.out, manifest),
      repair,
      onProblem: (problem) => context.print(problem),
      onStart: (running) => (state = running),
      onDone: progress.tick,
      signal,
      log,
    });
    if (summary.absent > 0) log.warn('absent upstream', { versions: summary.absent });
    const outcome = bundles.addTo({ summary, ...failureOf(summary, signal) });
    const unmet = worseFailure(work.judge(log), failureOfMalformed(summary.malformed));
    return signal.aborted ? outcome : withUnmet(outcome, unmet);
  } finally {
    progress.stop();
    repair?.records.close();
  }
}

function repairOf(
  values: VerifyValues,
  manifest: string,
  context: CommandContext,
): RepairOptions & { readonly records: Records } {
  if (manifest === '-')
    throw new MirrorError('ERR_USAGE', '--manifest -: the problems are on stdout already', {
      hint: 'name a file for the records of the repair',
    });
  const records = recordsWhenNeeded(manifest); // when the mirror's lock is held
  return { ...fetchingOf(values, context), flush: values.fsync, records, journalFile: manifest };
}

function progressOf(state: VerifyState | undefined): {
  done: number;
  bytes: number;
  failed: number;
  more: Record<string, number>;
} {
  const {
    intact = 0,
    missing = 0,
    absent = 0,
    pending = 0,
    corrupt = 0,
    replaced = 0,
    older = 0,
    bytes = 0,
  } = state ?? {};
  return {
    done: intact + missing + absent + pending + corrupt + replaced + older,
    bytes,
    failed: missing + corrupt + replaced,
    more: { missing, corrupt },
  };
}

function failureOf(summary: VerifySummary, signal: AbortSignal): Pick<Outcome, 'failure'> {
  const interruption = interruptionOf(signal);
  if (interruption !== undefined) return { failure: interruption };
  const { missing, corrupt, replaced, repair } = summary;
  if (summary.result === 'damaged') {
    const left =
      repair === null
        ? '; verify --repair downloads them again'
        : `, ${String(repair.downloaded)} of them downloaded again`;
    const message = `${String(missing)} files are missing, ${String(corrupt)} are corrupt${left}`;
    if (missing + corrupt === 0) return { failure: replacedFailure(replaced) };
    const others = replaced === 0 ? '' : `; ${replacedFailure(replaced).message}`;
    return { failure: { code: 'ERR_INTEGRITY', message: message + others } };
  }
  if (summary.pending > 0 && (repair === null || repair.downloaded < summary.pending))
    return partial(`${String(summary.pending)} new versions are pending: upstream did not have them yet`);
  const isMeantToSkip = summary.sample < 1 || summary.older > 0;
  if (summary.result !== 'nothing checked' || isMeantToSkip) return {};
  return partial('nothing was checked: no file of a version that was asked for is here');
}

function partial(message: string): Pick<Outcome, 'failure'> {
  return { failure: { code: 'ERR_PARTIAL', message } };
}

/** Asks the manifest, which is read when the first file with another digest is found: most verifications find none. */
function createWasRight(manifest: string, signal: AbortSignal): NonNullable<VerifyOptions['wasRight']> {
  let journal: ReturnType<typeof readJournal> | undefined;
  return async (file) => (await (journal ??= readJournal(manifest, { signal }))).knows(file);
}

/** The path of `file` inside the folder `dir`, with `/`; undefined when it is elsewhere. */
function pathInside(dir: string, file: string): string | undefined {
  if (!existsSync(dir) || !existsSync(file)) return undefined;
  const relative = path.relative(realpathSync(dir), realpathSync(file));
  return relative.startsWith('..') || path.isAbsolute(relative) ? undefined : relative.split(path.sep).join('/');
}
