import { createReadStream, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { jsonLine, openOutput } from '@mirror/core/io';
import { silentLog } from '@mirror/core/log';
import { createLocalStorage } from '@mirror/core/mirror';
import { createHttpPolicy } from '@mirror/core/net';
import { cratesBasesOf, createSelection } from '@mirror/core/registry';
import { drained, observeWork, readSelection, writeOut } from '@mirror/core/cli';
import type { CommandContext, FlagValues, Outcome, ProgressState, SelectionFlags } from '@mirror/core/cli';
import type { Observed } from '@mirror/core/observe';
import type { Log } from '@mirror/core/log';
import type { Layout } from '@mirror/core/mirror';
import type { Selection } from '@mirror/core/registry';
import { BUNDLE_DEFAULTS } from './cli-bundle.ts';
import { bundlerOf, refuseWithoutBundle, withBundles } from './cli-bundle-run.ts';
import type { DownloadValues, PlanValues, fetchingFlags, inputFlags } from './cli-flags.ts';
import { upstreamCredentials } from './cli-credentials.ts';
import type { UpstreamValues } from './cli-credentials.ts';
import { interruptionOf } from './cli-interruption.ts';
import { manifestOf } from './cli-mirror-place.ts';
import { version } from './cli-version.ts';
import { downloadLocked } from './download.ts';
import type { DownloadOptions, DownloadSummary } from './download.ts';
import { isUpstreamSilent } from './download-state.ts';
import type { DownloadState } from './download-state.ts';
import { expectTotal } from './expect-total.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import { doneOf, queuedOf } from './observe/download-facts.ts';
import { layoutOfMirror } from './mirror-layout.ts';
import { lockMirror } from './own-folder.ts';
import { plan } from './plan.ts';
import { withUnmet } from './cli-unmet.ts';
import { recordsToFile, recordsToStream } from './records.ts';
import { replacedFailure } from './cli-replaced.ts';
import { readChecksums } from './checksums.ts';
import { createWorkList } from './work-list.ts';
import type { WorkList, WorkListOptions } from './work-list.ts';

/** `mirror-downloader download`. */
export async function runDownload(given: DownloadValues, context: CommandContext): Promise<Outcome> {
  const { log, signal, io } = context;
  refuseWithoutBundle(given, '--bundle or --bundle-only');
  const layout = await layoutOfMirror(given.out, given.layout);
  const values = { ...given, layout, manifest: manifestOf(given, log) };
  const storage = createLocalStorage(values.out);
  const toStdout = values.manifest === '-';
  let state: DownloadState | undefined;
  const { work, total, stop } = expectTotal({
    work: await workListOf(values, context),
    again:
      values.list !== undefined && !isPlainFile(values.list)
        ? undefined
        : () => workListOf(values, { ...context, log: silentLog }),
    isBehind: () => state !== undefined && queuedOf(state) > 0,
    signal,
  });
  // before the manifest and the bundles are opened, which mends what a killed run left: a run that is refused changes nothing
  const lock = orElse(stop, () => lockMirror(storage, 'mirror-downloader download'));
  try {
    return await downloadInto();
  } finally {
    stop();
    lock.release();
  }

  async function downloadInto(): Promise<Outcome> {
    const records = toStdout
      ? recordsToStream(
          (lines) => void io.stdout.write(lines),
          () => drained(io.stdout, signal),
        )
      : recordsToFile(values.manifest);
    const bundler = await bundlerOf(values, storage, records, context);
    const progress = context.progress({ label: 'downloading', read: () => progressOf(state, total()) });
    const run = async (): Promise<Outcome> => {
      const summary = await downloadLocked({
        work,
        layout,
        storage,
        records: bundler?.records ?? records,
        bundling: bundler,
        journalFile: toStdout ? undefined : values.manifest,
        ...fetchingOf(values, context),
        resumeCheck: values.resumeCheck,
        recordSkipped: values.recordSkipped,
        flush: values.fsync,
        signal,
        log,
        onStart: (running) => (state = running),
        onDone: progress.tick,
      });
      progress.stop();
      const outcome = withBundles(outcomeOf(summary, state, signal, toStdout), bundler);
      return signal.aborted ? outcome : withUnmet(outcome, work.judge(log));
    };
    const watched = async (): Promise<Observed> => {
      const { observeDownload } = await import('./observe/observe-download.ts');
      const { out, indexDir, concurrency: ceiling } = values;
      return observeDownload({
        version,
        out,
        indexDir,
        ceiling,
        total,
        state: () => state,
        bundles: () => bundler?.summary(),
      });
    };
    try {
      return await observeWork(values, watched, context, run);
    } finally {
      progress.stop();
      try {
        await bundler?.release();
      } finally {
        records.close();
      }
    }
  }
}

/** What `work` gives; when it fails, `undo` comes first. */
function orElse<T>(undo: () => void, work: () => T): T {
  try {
    return work();
  } catch (error) {
    undo();
    throw error;
  }
}

function progressOf(state: DownloadState | undefined, total: number | undefined): ProgressState {
  if (state === undefined) return { done: 0, total, bytes: 0, failed: 0 };
  const { bytes, failed, skipped, retries, inFlight, concurrency } = state;
  const more = { concurrency, in_flight: inFlight, retries, skipped };
  return { done: doneOf(state), total, bytes, failed, more };
}

/** `mirror-downloader plan`. */
export async function runPlan(given: PlanValues, context: CommandContext): Promise<Outcome> {
  const { signal, io } = context;
  refuseWithoutBundle(given, '--bundle-only');
  const manifest = manifestOf(given, context.log);
  const values = { ...given, layout: await layoutOfMirror(given.out, given.layout) };
  const work = await workListOf(values, context);
  const missingFile = given.missing;
  const isFile = missingFile !== undefined && missingFile !== '-';
  const missing = isFile ? await openOutput(missingFile, { signal }) : undefined;
  const writeMissing = (text: string): Promise<void> => missing?.write(text) ?? writeOut(io.stdout, text);
  let done = 0;
  const progress = context.progress({ label: 'planning', read: () => ({ done, bytes: 0, failed: 0 }) });
  const summary = await plan({
    work,
    out: values.out,
    journalFile: manifest === '-' ? undefined : manifest,
    resumeCheck: values.resumeCheck,
    bundlesDir: values.bundleOnly ? (values.bundlesOut ?? BUNDLE_DEFAULTS.bundlesOut) : undefined,
    bytesPerSecond: values.maxBandwidth,
    signal,
    onDone: () => {
      done += 1;
      progress.tick();
    },
    ...(values.missing === undefined ? {} : { onMissing: (job: CrateJob) => writeMissing(jsonLine(listLine(job))) }),
  }).catch((error: unknown) => {
    missing?.abort();
    progress.stop();
    throw error;
  });
  progress.stop();
  await missing?.commit();
  const failure = summary.fits
    ? work.counts.malformed > 0
      ? ({ code: 'ERR_PARTIAL', message: `${String(work.counts.malformed)} malformed lines in the source` } as const)
      : undefined
    : ({
        code: 'ERR_IO',
        message: `the disk is too small: about ${String(summary.missing_bytes_estimate)} bytes are to come, ${String(summary.disk_free)} are free`,
      } as const);
  const outcome = { summary, stdoutTaken: values.missing === '-', ...(failure === undefined ? {} : { failure }) };
  return signal.aborted ? outcome : withUnmet(outcome, work.judge(context.log));
}

/** How the flags want files fetched. */
export function fetchingOf(
  values: FlagValues<typeof fetchingFlags> & UpstreamValues,
  { io, log, isVerbose }: CommandContext,
): Fetching {
  return {
    http: createHttpPolicy({
      product: `mirror-downloader/${version}`,
      userAgent: values.userAgent,
      contact: values.contact,
      caFile: values.caFile,
      env: io.env,
      credentials: upstreamCredentials(values, io.env, log),
      connectTimeoutMs: values.connectTimeout,
      stallTimeoutMs: values.stallTimeout,
      attemptTimeoutMs: values.timeout,
    }),
    concurrency: values.concurrency,
    adaptive: values.adaptive,
    transport: values.transport,
    retry: { retries: values.retries, baseMs: values.retryBase, maxMs: values.retryMax },
    maxFileBytes: values.maxFileSize,
    silentMs: values.giveUpAfter,
    trustAbsent: values.trustAbsent,
    acceptReplaced: values.acceptReplaced,
    pendingMs: values.pendingFor,
    requestsPerSecond: values.rateLimit,
    bytesPerSecond: values.maxBandwidth,
    graceMs: values.grace,
    isVerbose,
  };
}

type Fetching = Omit<DownloadOptions, 'work' | 'storage' | 'records' | 'journalFile'>;

/** The values of the flags that say what is asked for. */
export type SourceValues = FlagValues<typeof inputFlags> &
  FlagValues<SelectionFlags> & { readonly layout: Layout; readonly pendingFor?: number };

type SourceContext = Pick<CommandContext, 'signal' | 'io'> & { readonly log: Log };

/** What the flags ask for. */
export async function workListOf(values: SourceValues, context: SourceContext): Promise<WorkList> {
  return (await sourceOf(values, context)).work;
}

/**
 * What the flags ask for, and the selection among it.
 *
 * @param onCrate - told of all versions of each crate of an index, before selection
 */
export async function sourceOf(
  values: SourceValues,
  { log, signal, io }: SourceContext,
  onCrate?: WorkListOptions['onCrate'],
): Promise<{ readonly work: WorkList; readonly selection: Selection }> {
  if (values.indexDir !== undefined && values.list !== undefined) {
    throw new MirrorError('ERR_USAGE', 'both --index-dir and --list are given', { hint: 'one of them is the source' });
  }
  if (values.list !== undefined && values.latest > 0) {
    throw new MirrorError('ERR_USAGE', '--latest needs an index: a list does not tell which versions are the newest');
  }
  const chosen = await readSelection(values, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  // in a change feed a fresh version may lack its time, in an index an old one does
  const withoutPubtime = values.list !== undefined && chosen.withoutPubtime === 'auto' ? 'hide' : chosen.withoutPubtime;
  const selection = createSelection({ ...chosen, withoutPubtime });
  const newSince = Date.now() - (values.pendingFor ?? 0);
  const list =
    values.list === undefined ? undefined : values.list === '-' ? { list: io.stdin } : await openList(values.list);
  const work = createWorkList(
    {
      indexDir: values.indexDir,
      list: undefined,
      ...list,
      newSince,
      checksums: values.checksums === undefined ? new Map() : await readChecksums(values.checksums),
      baseUrls: cratesBasesOf(values.indexDir, values.cratesBaseUrl, log),
      layout: values.layout,
      selection,
      signal,
      ...(onCrate === undefined ? {} : { onCrate }),
    },
    (message) => {
      log.warn('malformed line', { message });
    },
  );
  return { work, selection };
}

/** What can be read twice. */
function isPlainFile(list: string): boolean {
  return list !== '-' && statSync(list, { throwIfNoEntry: false })?.isFile() === true;
}

async function openList(file: string): Promise<Pick<WorkListOptions, 'list' | 'listAgain'>> {
  try {
    const found = await stat(file);
    const list = createReadStream(file);
    // a pipe can be read once
    return found.isFile() ? { list, listAgain: () => createReadStream(file) } : { list };
  } catch (error) {
    throw new MirrorError('ERR_CONFIG', `cannot read the list ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** A line that `--list` takes. */
function listLine({ urls, sha256, name, vers, path }: CrateJob): object {
  return { url: urls[0], sha256, name, vers, path };
}

function outcomeOf(
  summary: DownloadSummary,
  state: DownloadState | undefined,
  signal: AbortSignal,
  stdoutTaken: boolean,
): Outcome {
  const outcome = { summary, stdoutTaken };
  const interruption = interruptionOf(signal);
  if (interruption !== undefined) return { ...outcome, failure: interruption };
  if (summary.result !== 'incomplete') return outcome;
  const { failed, replaced, pending, malformed } = summary;
  if (replaced > 0) return { ...outcome, failure: replacedFailure(replaced) };
  if (state !== undefined && isUpstreamSilent(state)) {
    const message = `upstream gave no answer: all ${String(failed)} versions failed, the last one with ${state.failures.at(-1)?.error ?? ''}`;
    return { ...outcome, failure: { code: 'ERR_NETWORK', message } };
  }
  return {
    ...outcome,
    failure: {
      code: 'ERR_PARTIAL',
      message: `${String(failed)} versions failed, ${String(pending)} are pending, ${String(malformed)} malformed lines`,
    },
  };
}
