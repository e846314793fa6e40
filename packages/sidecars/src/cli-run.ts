import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { MirrorError, messageOf, worseFailure } from '@mirror/core';
import type { SelectionFailure } from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { checkSidecars } from './check-sidecars.ts';
import type { CheckSummary } from './check-sidecars.ts';
import type { GenerateValues } from './cli-flags.ts';
import { generateSidecars } from './generate-sidecars.ts';
import type { GenerateSummary } from './generate-sidecars.ts';
import { noCounts } from './job.ts';
import type { Counts } from './job.ts';
import type { SidecarOptions } from './sidecar-options.ts';

/** `mirror-sidecars`. */
export async function runGenerate(values: GenerateValues, context: CommandContext): Promise<Outcome> {
  const { options, progress, unmet } = await prepare(values, context, 'writing sidecars');
  const { prune, maxRemoved, bundleSize, bundleLevel } = values;
  const summary = await generateSidecars({ ...options, prune, maxRemoved, bundleBytes: bundleSize, bundleLevel });
  progress.stop();
  return { summary, ...failureOf(context.signal, problemOf(summary), unmet()) };
}

/** `mirror-sidecars --check`. */
export async function runCheck(values: GenerateValues, context: CommandContext): Promise<Outcome> {
  const { options, progress, unmet } = await prepare(values, context, 'checking sidecars');
  const summary = await checkSidecars({ ...options, onProblem: context.print });
  progress.stop();
  return { summary, stdoutTaken: true, ...failureOf(context.signal, problemOf(summary), unmet()) };
}

interface Prepared {
  readonly options: SidecarOptions;
  readonly progress: ReturnType<CommandContext['progress']>;
  /** What the selection asked for and did not get, when the run is over. */
  readonly unmet: () => SelectionFailure | undefined;
}

async function prepare(values: GenerateValues, context: CommandContext, label: string): Promise<Prepared> {
  const { log, signal, io } = context;
  const { indexDir, out, layout, format, cratesBaseUrl, concurrency } = values;
  if (indexDir === undefined) throw new MirrorError('ERR_USAGE', 'no index is given', { hint: 'give --index-dir' });
  const selection = await readSelection(values, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  const list = values.list === undefined ? undefined : values.list === '-' ? io.stdin : await openList(values.list);
  let counts: Readonly<Counts> = noCounts();
  const progress = context.progress({ label, read: () => stateOf(counts) });
  const onProgress = (now: Readonly<Counts>): void => {
    counts = now;
    progress.tick();
  };
  const shared = { indexDir, out, layout, format, concurrency, selection, list };
  const base = cratesBaseUrl === undefined ? {} : { cratesBaseUrl };
  let unmet: SelectionFailure | undefined;
  const onUnmet = (failure: SelectionFailure): void => void (unmet = failure);
  return { options: { ...shared, ...base, signal, log, onProgress, onUnmet }, progress, unmet: () => unmet };
}

async function openList(file: string): Promise<Readable> {
  try {
    await stat(file);
  } catch (error) {
    throw new MirrorError('ERR_CONFIG', `cannot read the list ${file}: ${messageOf(error)}`, { cause: error });
  }
  return createReadStream(file);
}

function stateOf({ missing, stale, unchanged, bytes, malformed }: Readonly<Counts>): {
  done: number;
  bytes: number;
  failed: number;
  more: Record<string, number>;
} {
  return { done: missing + stale + unchanged, bytes, failed: malformed, more: { missing, stale, unchanged } };
}

function failureOf(
  signal: AbortSignal,
  problem: string | undefined,
  unmet: SelectionFailure | undefined,
): Pick<Outcome, 'failure'> {
  if (signal.aborted && signal.reason instanceof MirrorError) {
    return { failure: { code: signal.reason.code, message: signal.reason.message } };
  }
  const found = problem === undefined ? undefined : ({ code: 'ERR_PARTIAL', message: problem } as const);
  const failure = worseFailure(unmet, found);
  return failure === undefined ? {} : { failure };
}

/** What is wrong, in words; undefined when nothing is. */
function problemOf(summary: GenerateSummary | CheckSummary): string | undefined {
  if (summary.result === 'complete') return undefined;
  const { malformed } = summary;
  if ('blocked' in summary) {
    const { blocked } = summary;
    if (malformed + blocked === 0) return undefined;
    return `${String(malformed)} malformed lines; ${String(blocked)} sidecars could not be written, something else is in their place`;
  }
  const { missing, stale } = summary;
  if (missing + stale + malformed === 0) return undefined;
  return `${String(missing)} sidecars are missing, ${String(stale)} stale; ${String(malformed)} malformed lines`;
}
