import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readLines } from '@mirror/core';

/** Lines that are put down in any order and taken up sorted. */
export interface SortedSpool {
  /** Put down one line, without its end. */
  add(line: string): Promise<void> | undefined;
  /** All lines by their UTF-16 code units. To be read once, when nothing more is added. */
  sorted(): AsyncGenerator<string>;
  /** Remove what lies on the disk. */
  remove(): Promise<void>;
}

/**
 * A spool that keeps at most `maxChars` in memory; what is more lies sorted in files below `dir`, which are merged in the end.
 * `dir` is made when it is needed and is removed by `remove`.
 */
export function createSortedSpool(dir: string, maxChars: number = MAX_CHARS): SortedSpool {
  let lines: string[] = [];
  let chars = 0;
  const runs: string[] = [];

  const writeRun = async (): Promise<void> => {
    const run = path.join(dir, `${String(runs.length)}.lines`);
    runs.push(run);
    const sorted = lines.sort();
    lines = [];
    chars = 0;
    await mkdir(dir, { recursive: true });
    await pipeline(Readable.from(pieces(sorted)), createWriteStream(run));
  };

  return {
    add: (line) => {
      lines.push(line);
      chars += line.length;
      return chars < maxChars ? undefined : writeRun();
    },
    sorted: async function* () {
      yield* merge([...runs.map(linesOf), fromArray(lines.sort())]);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

const MAX_CHARS = 32 << 20;
const LINES_PER_PIECE = 1000;

function* pieces(lines: readonly string[]): Generator<string> {
  for (let from = 0; from < lines.length; from += LINES_PER_PIECE)
    yield `${lines.slice(from, from + LINES_PER_PIECE).join('\n')}\n`;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  for await (const { text } of readLines(createReadStream(file))) if (text !== undefined) yield text;
}

// eslint-disable-next-line @typescript-eslint/require-await -- one kind of source is easier to merge than two
async function* fromArray(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** The least of the heads, again and again: there are few sources, so a look at each is cheap. */
async function* merge(sources: readonly AsyncGenerator<string>[]): AsyncGenerator<string> {
  const heads = new Map<AsyncGenerator<string>, string>();
  const advance = async (source: AsyncGenerator<string>): Promise<void> => {
    const next = await source.next();
    if (next.done === true) heads.delete(source);
    else heads.set(source, next.value);
  };
  for (const source of sources) await advance(source);
  while (heads.size > 0) {
    let least: readonly [AsyncGenerator<string>, string] | undefined;
    for (const head of heads) if (least === undefined || head[1] < least[1]) least = head;
    if (least === undefined) return;
    yield least[1];
    await advance(least[0]);
  }
}
