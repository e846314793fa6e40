import { CRATES_IO_BASE_URL, cratesBasesOf } from '@mirror/core';
import { writeOut } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jsonLine, openOutput } from '@mirror/core/io';
import type { ChangeFeed } from './changes.ts';
import type { ChangeKind } from './compare-index.ts';

/** How many records of each kind were written, and how many lines of the index could not be read. */
export interface FeedCounts {
  readonly changes: Readonly<Record<ChangeKind, number>>;
  readonly problems: number;
}

const PIECE_CHARACTERS = 65_536;

/**
 * Write the feed to `target` (`-` is stdout) and note that it was handed out. A file is replaced in one step when all of it is
 * written. When the reader of stdout goes away in between, nothing counts as handed out.
 */
export async function writeFeed(
  feed: ChangeFeed,
  target: string,
  from: { readonly indexDir: string; readonly given: string | undefined },
  context: CommandContext,
): Promise<FeedCounts> {
  const given = from.given === undefined ? [] : [from.given];
  const [cratesBaseUrl = CRATES_IO_BASE_URL] = cratesBasesOf(from.indexDir, given, context.log);
  if (target === '-')
    return emit(
      feed,
      (piece) => writeOut(context.io.stdout, piece),
      cratesBaseUrl,
      context,
      () => Promise.resolve(),
    );
  const output = await openOutput(target, { signal: context.signal });
  try {
    return await emit(feed, output.write, cratesBaseUrl, context, output.commit);
  } finally {
    output.abort();
  }
}

async function emit(
  feed: ChangeFeed,
  write: (piece: string) => Promise<void>,
  cratesBaseUrl: string,
  { log, signal }: CommandContext,
  finish: () => Promise<void>,
): Promise<FeedCounts> {
  const changes = { added: 0, yanked: 0, unyanked: 0, removed: 0, replaced: 0, updated: 0 };
  let problems = 0;
  const onProblem = (reason: string): void => {
    problems++;
    log.warn('a line of the index cannot be read', { reason });
  };
  let piece = '';
  const flush = async (): Promise<void> => {
    await write(piece);
    piece = '';
    await nextTurn(); // signals are heard between pieces
    signal.throwIfAborted();
  };
  for await (const record of feed.records({ cratesBaseUrl, onProblem })) {
    changes[record.change]++;
    piece += jsonLine(record);
    if (piece.length > PIECE_CHARACTERS) await flush();
  }
  await flush();
  await finish();
  feed.markEmitted();
  return { changes, problems };
}
