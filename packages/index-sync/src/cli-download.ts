import type { ErrorCode } from '@mirror/core';
import { EXIT_CODES } from '@mirror/core/errors';
import { commonFlags, observeFlags, selectionFlags } from '@mirror/core/cli';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { SyncValues } from './cli-flags.ts';
import { findDownloader } from './find-downloader.ts';
import { runDownloader, type DownloaderResult } from './run-downloader.ts';

/**
 * Whether to run the downloader: yes when told so; no when the changes go to someone else; else
 * the terminal is asked.
 */
export async function wantsDownload(values: SyncValues, { io, signal }: CommandContext): Promise<boolean> {
  if (values.yes || values.nonInteractive) return true;
  if (values.changes !== undefined || values.watch !== undefined) return false;
  if (io.stdin.isTTY !== true) return false;
  return /^y(es)?$/i.test((await ask('Start downloading crates now? [y/n] ', io, signal)).trim());
}

/** The answer of the terminal; nothing when it is closed. */
async function ask(question: string, io: CommandContext['io'], signal: AbortSignal): Promise<string> {
  // the terminal itself edits the line: so Ctrl-C stays a signal, and Ctrl-D an end
  const terminal = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    return await Promise.race([terminal.question(question, { signal }), closed]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}

/** How the downloader ended, and the failure that stands for its exit status, so that ours is the same. */
export interface Downloaded extends DownloaderResult {
  readonly failure: Outcome['failure'];
  /** Whether it says itself that it has gone through the whole index. */
  readonly covered: boolean;
}

/** Run the downloader with our flags in its words. */
export async function download(
  values: SyncValues,
  dirs: { index: string; output: string },
  context: CommandContext,
): Promise<Downloaded> {
  const { io, log, signal } = context;
  const program = findDownloader(values.downloaderPath, io.env, import.meta.url);
  const args = downloaderArgs(values, dirs, context);
  if (!values.resume)
    log.warn('--no-resume has no meaning any more: what is there and verified is never fetched again');
  if (values.verify)
    log.info('--verify is the --resume-check sha256 of the downloader: everything that is there is hashed');
  log.info('running the downloader', { program: program.at(-1), args });
  const sharesTerminal = io.stdin.isTTY === true;
  const result = await runDownloader({ program, args, env: withoutOurs(io.env), signal, sharesTerminal });
  return { ...result, failure: failureOf(result.status), covered: coversAll(result.summary) };
}

// an address or a file of ours given in the environment cannot be the downloader's too; what is meant for both is passed on as flags
function withoutOurs(env: CommandContext['io']['env']): CommandContext['io']['env'] {
  const passedOn = [...Object.keys(observeFlags), ...SHARED_FLAGS];
  const ours = new Set(passedOn.map((name) => `MIRROR_${name.toUpperCase().replaceAll('-', '_')}`));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.has(name)));
}

/** What both programs are told: the downloader has the flags of the same name. */
const SHARED_FLAGS: readonly string[] = [
  ...Object.keys(selectionFlags),
  ...Object.keys(commonFlags).filter((name) => name !== 'config'),
  ...['accept-replaced', 'crates-base-url', 'rate-limit', 'ca-file', 'contact', 'user-agent'],
  ...['connect-timeout', 'stall-timeout', 'retries', 'retry-base', 'retry-max'],
];

function downloaderArgs(
  values: SyncValues,
  dirs: { index: string; output: string },
  { passOn }: CommandContext,
): string[] {
  const pairs: [string, string | undefined][] = [
    ['--index-dir', dirs.index],
    ['--out', dirs.output],
    // inside the mirror, so that it moves with it; in the folder that is ours, so that it is no file too many
    ['--manifest', path.join(dirs.output, '.mirror', 'manifest.jsonl')],
    ['--concurrency', values.threads?.toString()],
    ['--resume-check', values.verify ? 'sha256' : undefined],
    ['--log-file', values.logPath],
  ];
  const own = pairs.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return [...own, ...passOn(SHARED_FLAGS), ...values.downloaderArg];
}

// with a selection or a dry run it has not; an older one says nothing
function coversAll(summary: unknown): boolean {
  return typeof summary === 'object' && summary !== null && 'covered' in summary && summary.covered === 'all';
}

function failureOf(status: number): Outcome['failure'] {
  if (status === 0) return undefined;
  const code = (Object.keys(EXIT_CODES) as ErrorCode[]).find((each) => EXIT_CODES[each] === status) ?? 'ERR_INTERNAL';
  return { code, message: `the downloader ended with status ${status}` };
}
