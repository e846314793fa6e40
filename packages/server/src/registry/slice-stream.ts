import type { Span } from '../http/range.ts';

/** The bytes `start` to `end` (included) of a stream of pieces; what is behind them is not read. */
export async function* sliceStream(pieces: AsyncIterable<Buffer>, { start, end }: Span): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    const from = Math.max(0, start - at);
    const to = Math.min(piece.length, end + 1 - at);
    if (from < to) yield piece.subarray(from, to);
    at += piece.length;
    if (at > end) return;
  }
}
