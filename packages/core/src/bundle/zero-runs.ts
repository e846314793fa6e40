/** Bytes of a piece of the content, from `from` to before `to`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The blocks of 512 bytes, counted from the begin of `content`, that end in zeros: tar headers, and the padding behind files. Ascending.
 * Random bytes make such a block once in 2^64 times, so this finds what is between compressed files without a tar parser.
 *
 * @returns where they begin
 */
export function sparseBlocks(content: Buffer): number[] {
  const found: number[] = [];
  for (let last = SPARSE_BLOCK - 1; last < content.length; last += SPARSE_BLOCK) {
    if (endsInZeros(content, last)) found.push(last + 1 - SPARSE_BLOCK);
  }
  return found;
}

/** Runs of zeros in `blocks`, which `sparseBlocks` found in `content`; ascending, those that are worth a block of their own. */
export function zeroRuns(content: Buffer, blocks: readonly number[]): ByteRange[] {
  const runs: ByteRange[] = [];
  for (const block of blocks) {
    const end = block + SPARSE_BLOCK;
    for (let from = content.indexOf(0, block); from < end;) {
      const to = endOfZeros(content, from, end);
      const last = runs.at(-1);
      if (last?.to === from) runs[runs.length - 1] = { from: last.from, to };
      else if (to - from >= LEAST_RUN) runs.push({ from, to });
      from = to === end ? end : content.indexOf(0, to);
    }
  }
  return runs;
}

function endOfZeros(content: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && content[at] === 0) at += 1;
  return at;
}

/** What is between `blocks` in content of `bytes` bytes. */
export function rangesBetween(blocks: readonly number[], bytes: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  let from = 0;
  for (const block of [...blocks, bytes]) {
    if (block > from) ranges.push({ from, to: block });
    from = block + SPARSE_BLOCK;
  }
  return ranges;
}

/** Tar archives are made of blocks of this many bytes. */
const SPARSE_BLOCK = 512;

/** Shorter runs cost more than they save. */
const LEAST_RUN = 12;

/** Whether the eight bytes up to `last` are zero. */
function endsInZeros(content: Buffer, last: number): boolean {
  return content[last] === 0 && content.readUInt32LE(last - 3) === 0 && content.readUInt32LE(last - 7) === 0;
}
