import type { Readable } from 'node:stream';
import type { Sha256 } from '../io/digest.ts';

/** A file in a storage. */
export interface StoredFile {
  /** Path inside the storage, with `/`. */
  readonly path: string;
  readonly size: number;
  /** Time of the last change in microseconds. */
  readonly mtimeUs: number;
  /** The digest, where the storage keeps one beside the file. */
  readonly sha256?: Sha256;
}

/** Part of a file: `length` bytes from `offset`. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where a mirror is kept. Paths are relative with `/` and are checked by the storage; what is not there is `undefined`,
 * never an error. Every backend passes the same suite of tests (`storageSuite` of the test support).
 */
export interface Storage {
  /** How it is called in messages: a directory or a URL, without secrets. */
  readonly location: string;
  /** What is known of a file without reading it. */
  stat(path: string): Promise<StoredFile | undefined>;
  /** The bytes of a file or of a part of it. The stream fails when the file does not have that part. */
  get(path: string, range?: ByteRange): Promise<Readable | undefined>;
  /**
   * Store a file whole or not at all; a file of that name is replaced in one step.
   *
   * @throws {IntegrityError} when the bytes are not those of `sha256`; the old file, if any, is untouched
   */
  put(path: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredFile>;
  /** Every file below `prefix` (a folder, default everything) in the order of the path's bytes; unfinished ones left out. */
  list(prefix?: string): AsyncGenerator<StoredFile>;
  /** Remove a file; false when it was not there. */
  delete(path: string): Promise<boolean>;
}

/** What a stored file must be. */
export interface PutOptions {
  readonly sha256?: Sha256;
  readonly size?: number;
  readonly signal?: AbortSignal;
}
