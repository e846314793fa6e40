import { CRATES_IO_BASE_URL } from '@mirror/core';
import { writeOut } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import { randomUUID } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { renameOver } from '@mirror/core/io';
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
  cratesBaseUrl: string | undefined,
  context: CommandContext,
): Promise<FeedCounts> {
  if (target === '-') return emit(feed, context.io.stdout, cratesBaseUrl, context);
  const temporary = `${target}.${randomUUID()}.part`;
  const file = createWriteStream(temporary, { flags: 'wx', flush: true });
  try {
    return await emit(feed, file, cratesBaseUrl, context, async () => {
      file.end();
      await finished(file);
      renameOver(temporary, target);
    });
  } finally {
    file.destroy();
    rmSync(temporary, { force: true });
  }
}

async function emit(
  feed: ChangeFeed,
  stream: Writable,
  base: string | undefined,
  { log, signal }: CommandContext,
  finish: () => Promise<void> = () => Promise.resolve(),
): Promise<FeedCounts> {
  const changes = { added: 0, yanked: 0, unyanked: 0, removed: 0, replaced: 0, updated: 0 };
  let problems = 0;
  const onProblem = (reason: string): void => {
    problems++;
    log.warn('a line of the index cannot be read', { reason });
  };
  let piece = '';
  const flush = async (): Promise<void> => {
    await writeOut(stream, piece);
    piece = '';
    await nextTurn(); // signals are heard between pieces
    signal.throwIfAborted();
  };
  for await (const record of feed.records({ cratesBaseUrl: base ?? CRATES_IO_BASE_URL, onProblem })) {
    changes[record.change]++;
    piece += `${JSON.stringify(record)}\n`;
    if (piece.length > PIECE_CHARACTERS) await flush();
  }
  await flush();
  await finish();
  feed.markEmitted();
  return { changes, problems };
}
