import { MirrorError, messageOf } from '@mirror/core/errors';
import { DEFAULT_RETRY, createHttpClient, createHttpPolicy, createRetry, pause } from '@mirror/core/net';
import type { HttpClient, Retry } from '@mirror/core/net';
import { observeWork } from '@mirror/core/cli';
import type { CommandContext, Outcome, ProgressState } from '@mirror/core/cli';
import type { SparseCounts } from '@mirror/core/sparse';
import type { Observed } from '@mirror/core/observe';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { sparseChangeFeed } from './changes.ts';
import type { FeedCounts, writeFeed } from './cli-feed.ts';
import type { Downloaded } from './cli-download.ts';
import { alarm, partialFailure } from './cli-failure.ts';
import type { SyncValues } from './cli-flags.ts';
import type { ChosenCrates, JudgedIndex } from './cli-selection.ts';
import { judgeReplaced } from './cli-replaced.ts';
import { holdRepository, type Held } from './cli-git.ts';
import { originFor } from './cli-origin.ts';
import { createEngine } from './create-engine.ts';
import type { GitEngine } from './git/engine.ts';
import { indexAddress } from './index-address.ts';
import { noRounds, noteRound, type SyncRounds } from './observe/sync-rounds.ts';
import { writeSparseOrigin } from './sparse-origin.ts';

/** Everything that stays the same from round to round. */
interface Job {
  readonly values: SyncValues;
  readonly context: CommandContext;
  readonly dirs: { readonly index: string; readonly output: string };
  readonly url: string;
  readonly network: Network;
  /** Undefined when no flag chooses among the crates. */
  readonly chosen: ChosenCrates | undefined;
  /** Undefined for the sparse protocol. */
  readonly engine: GitEngine | undefined;
  readonly threads: number;
  readonly received: Received;
  readonly rounds: SyncRounds;
}

/** How far the run has come, for whoever shows it. */
interface Received {
  bytes: number;
  /** The sparse protocol knows its files one by one. */
  files?: Readonly<SparseCounts>;
}

interface Network {
  readonly http: HttpClient;
  readonly retry: Retry;
}

/** Bring the index up to date, hand out the changes, run the downloader: once, or again and again with `--watch`. */
export async function runSync(values: SyncValues, context: CommandContext, version: string): Promise<Outcome> {
  requireAnswer(values, context);
  const job = await prepare(values, context, version);
  if (values.ack) return acknowledge(job);
  const { rounds, received, dirs } = job;
  const watched = async (): Promise<Observed> => {
    const { observeSync } = await import('./observe/observe-sync.ts');
    return observeSync({ version, rounds, received, indexDir: dirs.index });
  };
  const { watch } = values;
  return observeWork(values, watched, context, () =>
    watch === undefined ? notedRound(job) : roundAfterRound(job, watch),
  );
}

// a question that nobody can answer is found before any work
function requireAnswer(
  { yes, nonInteractive, download, ack, changes, watch }: SyncValues,
  { io }: CommandContext,
): void {
  if (
    yes ||
    nonInteractive ||
    !download ||
    ack ||
    changes !== undefined ||
    watch !== undefined ||
    io.stdin.isTTY === true
  )
    return;
  throw new MirrorError('ERR_USAGE', 'there is no terminal to ask whether to download', {
    hint: 'use --yes to download, or --no-download for the index alone',
  });
}

async function roundAfterRound(job: Job, watch: number): Promise<never> {
  const { context, rounds } = job;
  for (;;) {
    const outcome = await oneRoundOfMany(job);
    if (outcome !== 'locked' && outcome?.summary !== undefined && outcome.stdoutTaken !== true)
      await context.print(outcome.summary);
    // a little unevenness keeps many mirrors from asking at the same instant
    const wait = (outcome === 'locked' ? Math.min(watch, LOCKED_MS) : watch) * (0.9 + 0.2 * Math.random());
    rounds.nextAt = Date.now() + wait;
    await pause(wait, context.signal);
  }
}

/** Whoever holds the index mostly does so for a moment. */
const LOCKED_MS = 1000;

async function notedRound(job: Job): Promise<Outcome> {
  const { rounds } = job;
  const startedAt = Date.now();
  rounds.isRunning = true;
  rounds.nextAt = undefined;
  try {
    const outcome = await oneRound(job);
    noteRound(rounds, { startedAt, summary: outcome.summary ?? {}, error: outcome.failure?.message });
    return outcome;
  } catch (error) {
    noteRound(rounds, { startedAt, error: messageOf(error) });
    throw error;
  }
}

async function prepare(values: SyncValues, context: CommandContext, version: string): Promise<Job> {
  const { io, log, signal } = context;
  const chosen = await choose(values, context);
  const home = io.env['HOME'] ?? io.env['USERPROFILE'] ?? '.';
  const atHome = (dir: string): string => path.resolve(dir.replace(/^~(?=[/\\]|$)/, home));
  const dirs = { index: atHome(values.indexDir), output: atHome(values.outputDir) };
  const given = originFor(values, dirs.index);
  const { userAgent, contact, caFile, connectTimeout: connectTimeoutMs, stallTimeout: stallTimeoutMs } = values;
  const product = `mirror-index-sync/${version}`;
  const { address: url, credentials, login } = indexAddress(given, values.protocol, io.env);
  const policy = createHttpPolicy({
    product,
    userAgent,
    contact,
    caFile,
    env: io.env,
    credentials: [credentials],
    connectTimeoutMs,
    stallTimeoutMs,
  });
  const retry = createRetry({
    policy: { ...DEFAULT_RETRY, retries: values.retries, baseMs: values.retryBase, maxMs: values.retryMax },
    log,
    signal,
  });
  const network: Network = { http: createHttpClient(policy), retry };
  const threads = values.indexThreads ?? Math.min(4, availableParallelism());
  const received: Received = { bytes: 0 };
  const onBytes = (bytes: number): void => void (received.bytes += bytes);
  const engine =
    values.protocol === 'git'
      ? await createEngine(values.gitEngine, {
          ...{ url, ...network, log, signal, threads, onBytes, env: io.env, login, caFile, stallMs: stallTimeoutMs },
        })
      : undefined;
  return {
    values,
    context,
    chosen,
    dirs,
    url,
    network,
    engine,
    threads,
    received,
    rounds: noRounds(),
  };
}

// loaded when it is needed: most runs choose nothing, and are to be quick
async function choose(values: SyncValues, context: CommandContext): Promise<ChosenCrates | undefined> {
  if ([values.crates, values.exclude, values.cargoLock].every((list) => list.length === 0)) return undefined;
  const { chooseCrates } = await import('./cli-selection.ts');
  return chooseCrates(values, context);
}

async function judge({ chosen, dirs, context }: Job): Promise<JudgedIndex | undefined> {
  if (chosen === undefined) return undefined;
  const { judgeIndex } = await import('./cli-selection.ts');
  return judgeIndex(dirs.index, chosen, context);
}

// while watching, trouble upstream is told and waited out; trouble here ends the run
async function oneRoundOfMany(job: Job): Promise<Outcome | 'locked' | undefined> {
  try {
    return await notedRound(job);
  } catch (error) {
    job.context.signal.throwIfAborted();
    if (
      !(error instanceof MirrorError) ||
      !['ERR_HTTP', 'ERR_NETWORK', 'ERR_INTEGRITY', 'ERR_LOCKED'].includes(error.code)
    )
      throw error;
    job.context.log.warn('this round failed', { reason: messageOf(error) });
    return error.code === 'ERR_LOCKED' ? 'locked' : undefined;
  }
}

async function oneRound(job: Job): Promise<Outcome> {
  const { values, context } = job;
  const started = performance.now();
  const held = await hold(job);
  const progress = context.progress({
    label: 'receiving',
    read: () => progressOf(job.received),
  });
  try {
    const synced = await (values.skipIndexUpdate ? held.skip() : held.sync());
    progress.stop();
    const changes =
      values.changes === undefined
        ? undefined
        : await handOut(held.feed, values.changes, { indexDir: job.dirs.index, given: values.cratesBaseUrl }, context);
    const downloaded = values.download ? await downloadIfWanted(job, held) : undefined;
    const failed =
      alarm(synced, changes, values) ?? downloaded?.failure ?? partialFailure(synced, changes?.problems ?? 0);
    // a downloader that ran has said itself what the selection did not find
    const judged = downloaded === undefined ? await judge(job) : undefined;
    const failure = judged?.worse(failed) ?? failed;
    const summary = {
      ...synced,
      ...judged?.counts,
      ...changes,
      ...(downloaded === undefined ? {} : { download: downloaded.summary ?? null, download_status: downloaded.status }),
      seconds: Math.round(performance.now() - started) / 1000,
      exit_reason: failure === undefined ? 'done' : failure.message,
    };
    return { summary, stdoutTaken: values.changes === '-', ...(failure === undefined ? {} : { failure }) };
  } finally {
    progress.stop();
    held.release();
  }
}

function progressOf({ bytes, files }: Received): ProgressState {
  if (files === undefined) return { done: 0, bytes, failed: 0 };
  return { done: files.checked, total: files.total, bytes: files.bytes, failed: files.failed };
}

// what the downloader has done need not be told again; what it has not, will be
async function downloadIfWanted({ values, dirs, context }: Job, { feed }: Held): Promise<Downloaded | undefined> {
  const { download, wantsDownload } = await import('./cli-download.ts');
  if (!(await wantsDownload(values, context))) return undefined;
  // git may move the branch meanwhile: what is done is what there was at the start
  const state = feed.begin();
  const result = await download(values, dirs, context);
  if (result.status === 0 && result.covered) feed.acknowledgeState(state);
  else if (result.status === 0)
    context.log.info('nothing is acknowledged: the downloader did not cover the whole index');
  return result;
}

async function acknowledge(job: Job): Promise<Outcome> {
  const held = await hold(job);
  try {
    const state = held.feed.acknowledge();
    const { log } = job.context;
    if (state === undefined) log.warn('there is nothing to acknowledge: no changes were written since the last time');
    else log.info('acknowledged the changes that were written last', { ...state });
    return { summary: { acknowledged: state !== undefined, ...state, exit_reason: 'done' } };
  } finally {
    held.release();
  }
}

async function hold(job: Job): Promise<Held> {
  const { engine, dirs } = job;
  return engine === undefined ? holdFiles(job) : holdRepository({ ...job, engine, dir: dirs.index });
}

// loaded when it is needed: most runs find nothing new, and are to be quick
async function handOut(...args: Parameters<typeof writeFeed>): Promise<FeedCounts> {
  const { writeFeed: write } = await import('./cli-feed.ts');
  return write(...args);
}

async function holdFiles({ values, context, dirs, url, network, chosen, received }: Job): Promise<Held> {
  const { holdSparse, syncSparse } = await import('./sparse.ts');
  const held = holdSparse(dirs.index);
  const { log, signal } = context;
  const sync = async (): Promise<object> => {
    const result = await syncSparse(held, {
      dir: dirs.index,
      url,
      names: chosen?.names ?? [],
      ...network,
      concurrency: 64,
      maxRemoved: values.maxRemoved,
      onStart: (counts) => (received.files = counts),
      log,
      signal,
    });
    writeSparseOrigin(dirs.index, url);
    return {
      outcome: 'checked',
      checked: result.checked,
      files_added: result.filesAdded,
      files_changed: result.filesChanged,
      files_removed: result.filesRemoved,
      absent: result.absent,
      failed: result.failed,
      replaced: judgeReplaced(held.note, values, context),
      bytes: result.bytes,
    };
  };
  const skip = (): Promise<object> =>
    Promise.resolve({ outcome: 'skipped', replaced: judgeReplaced(held.note, values, context) });
  return { feed: sparseChangeFeed(held.shadows), note: held.note, sync, skip, release: held.release };
}
