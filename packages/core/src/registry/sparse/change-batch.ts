import { MirrorError, systemCodeOf } from '../../errors.ts';
import { sha256 } from '../../io/digest.ts';
import { replaceFile } from '../../io/replace-file.ts';
import { flushFiles } from './flush-files.ts';
import type { SparseMarks } from './sparse-marks.ts';
import { sparsePlace } from './sparse-place.ts';

/** A file as it shall be. */
export interface FileChange {
  readonly name: string;
  readonly bytes: Buffer;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly isNew: boolean;
}

/** Where changes go, and who hears of them. */
export interface BatchOptions {
  readonly dir: string;
  readonly marks: SparseMarks;
  /** Keeps what a file is before it changes; gives the files to flush before it does. */
  readonly keep: (name: string) => readonly string[];
  readonly onWritten: (change: FileChange) => void;
  /** One file that could not be written, because of what stands at its place. */
  readonly onProblem: (name: string, error: MirrorError) => void;
}

/** Changes on their way to the disk. */
export interface ChangeBatch {
  /** Take a change; resolves when there is room for the next one. */
  add(change: FileChange): Promise<void>;
  /** Write what is left. */
  end(): Promise<void>;
}

/**
 * Collects changes and writes them some hundred at a time: first what the files were, then the files, then their marks, with one flush between
 * each, so that after a power cut no mark speaks of a file that is not there and no change is forgotten.
 */
export function openChangeBatch(options: BatchOptions): ChangeBatch {
  let waiting: FileChange[] = [];
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    const taken = waiting;
    waiting = [];
    bytes = 0;
    writing = writing.then(() => writeChanges(taken, options));
    return writing;
  };
  return {
    add: (change) => {
      waiting.push(change);
      bytes += change.bytes.length;
      return waiting.length >= BATCH_FILES || bytes >= BATCH_BYTES ? write() : Promise.resolve();
    },
    end: write,
  };
}

async function writeChanges(changes: readonly FileChange[], options: BatchOptions): Promise<void> {
  const { dir, marks, keep, onWritten, onProblem } = options;
  const kept: string[] = [];
  const ready = changes.filter((change) => isDone(change, () => void kept.push(...keep(change.name)), onProblem));
  await flushFiles(dir, kept);
  const written = ready.filter((change) => {
    const put = (): void => replaceFile(change.name, change.bytes, { within: dir, flush: false });
    return isDone(change, put, onProblem);
  });
  await flushFiles(
    dir,
    written.map(({ name }) => sparsePlace(dir, name)),
  );
  for (const change of written) {
    const { name, bytes, etag, lastModified } = change;
    marks.set(name, { etag, lastModified, size: bytes.length, sha256: sha256(bytes) });
    onWritten(change);
  }
}

function isDone({ name }: FileChange, work: () => void, onProblem: BatchOptions['onProblem']): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!(error instanceof MirrorError) || !isOfOneFile(error)) throw error;
    onProblem(name, error);
    return false;
  }
}

/** Whether an error of the disk is about what stands at one place, and not about the disk. */
export function isOfOneFile(error: MirrorError): boolean {
  const code = systemCodeOf(error.cause);
  return code === undefined || OF_ONE_FILE.has(code);
}

const OF_ONE_FILE: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EISDIR',
  'ENOTDIR',
  'ELOOP',
  'EINVAL',
  'ENAMETOOLONG',
]);
const BATCH_FILES = 512;
const BATCH_BYTES = 32 << 20;
