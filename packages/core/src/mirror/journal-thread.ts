// A thread that reads parts of a manifest and sends back what their records vouch for.
import { parentPort } from 'node:worker_threads';
import { scanJournal } from './journal-lines.ts';

/** Whole lines of an open file. */
export interface JournalPart {
  readonly fd: number;
  readonly from: number;
  readonly to: number;
}

/** What they say. */
export interface JournalFinds {
  /** Key (low half, high half) and state of each record, in the order of the lines. */
  readonly words: Uint32Array;
  readonly unreadable: number;
}

parentPort?.on('message', ({ fd, from, to }: JournalPart) => {
  let words = new Uint32Array(3 << 14);
  let used = 0;
  const unreadable = scanJournal(fd, from, to, ({ low, high }, state) => {
    if (used === words.length) {
      const more = new Uint32Array(words.length * 2);
      more.set(words);
      words = more;
    }
    words[used] = low;
    words[used + 1] = high;
    words[used + 2] = state;
    used += 3;
  });
  const finds: JournalFinds = { words: words.slice(0, used), unreadable };
  parentPort?.postMessage(finds, [finds.words.buffer as ArrayBuffer]);
});
