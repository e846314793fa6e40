// A thread that takes the entries out of all index files that stand on the given objects of one pack.
import { closeSync, openSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { MirrorError } from '../errors.ts';
import { visitChains } from '../git/delta-chains.ts';
import { viewPackTable, type PackColumns } from '../git/pack-table.ts';
import { reportOutcome } from '../threads/report-outcome.ts';
import { readSharedStrings, type SharedStrings } from '../threads/shared-strings.ts';
import { openBytes } from './packed-index-source.ts';
import type { RecordPlaces } from './read-packed-index.ts';
import { createFileScanner } from './scan-index-file.ts';
import { createWasmEngine } from './wasm-engine.ts';

/** What such a thread gets. */
export interface PackedIndexWork {
  readonly packPath: string;
  readonly count: number;
  readonly columns: PackColumns;
  readonly needed: Uint8Array;
  /** For each entry the first file it makes, plus one. */
  readonly wantedAt: Int32Array;
  /** For each file the next with the same content, plus one. */
  readonly nextWanted: Int32Array;
  readonly roots: Int32Array;
  /** Index paths of all files. */
  readonly paths: SharedStrings;
  /** Filled for the files that this thread reads. */
  readonly places: RecordPlaces;
  /** The temporary file that the records go to: its number in `places`, and its descriptor. */
  readonly number: number;
  readonly fd: number;
}

/** What an object may ask for; a server was held to the same when it sent it. */
const LIMITS = { objectBytes: 64 * 2 ** 20, chain: 4096, chainBytes: 512 * 2 ** 20 };
const BUFFER_BYTES = 2 ** 20;

reportOutcome(() => {
  const work = workerData as PackedIndexWork;
  const { needed, wantedAt, nextWanted, places } = work;
  const pathOf = readSharedStrings(work.paths);
  const output = createOutput(work.fd);
  const scanner = createFileScanner({ engine: createWasmEngine(false), withText: false, emit: output.write });
  const scan = (file: number, type: string, data: Buffer): void => {
    const indexPath = pathOf(file);
    if (type !== 'blob') throw new MirrorError('ERR_INTEGRITY', `git tree: ${indexPath} is a ${type}, expected a blob`);
    const at = output.position();
    scanner.scan({ open: () => openBytes(data) }, indexPath);
    scanner.flush();
    places.at[file] = at;
    places.length[file] = output.position() - at;
    places.spill[file] = work.number;
  };
  const pack = openSync(work.packPath, 'r');
  try {
    visitChains(
      viewPackTable(work.count, work.columns),
      pack,
      work.roots,
      LIMITS,
      (entry, type, data) => {
        for (let link = wantedAt[entry] as number; link !== 0; link = nextWanted[link - 1] as number)
          scan(link - 1, type, data);
      },
      (entry) => needed[entry] === 0,
    );
    output.flush();
  } finally {
    closeSync(pack);
  }
});

interface Output {
  write(bytes: Uint8Array): void;
  /** How many bytes were written so far. */
  position(): number;
  flush(): void;
}

// the descriptor belongs to the thread that reads the file in the end
function createOutput(fd: number): Output {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let held = 0;
  let flushed = 0;
  const put = (bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, flushed + done);
    flushed += bytes.length;
  };
  const flush = (): void => {
    put(buffer.subarray(0, held));
    held = 0;
  };
  return {
    position: () => flushed + held,
    flush,
    write(bytes) {
      if (held + bytes.length > buffer.length) flush();
      if (bytes.length > buffer.length) return put(bytes);
      buffer.set(bytes, held);
      held += bytes.length;
    },
  };
}
