import type { TrustedKeys } from '@mirror/core/evidence';
import type { Log } from '@mirror/core/log';
import type { EngineChoice } from '../algorithms.ts';
import type { Difference } from './compare-item.ts';

/** What to check. */
export interface VerifyArchiveOptions {
  readonly report: string;
  /** The directory; by default the one that the report names, beside the report or around it. */
  readonly dir?: string | undefined;
  /** A file with one or several signatures; default `<report>.asc` and all `<report>.*.asc`. */
  readonly signature?: string | undefined;
  /** A file with the keys to check with, trusted or not; default the one beside the report. */
  readonly publicKey?: string | undefined;
  /** Whose signature counts: see `readTrustedKeys` of @mirror/core/evidence. With none, no signer is called trusted. */
  readonly trusted?: TrustedKeys | undefined;
  /** Accept a report that says itself that it is not signed; default false. */
  readonly allowUnsigned?: boolean | undefined;
  /** Compare sizes and times only; nothing is read. Default false. */
  readonly quick?: boolean | undefined;
  /** Names of the algorithms to compare; default all that the report has. */
  readonly algorithms?: readonly string[] | undefined;
  /** Threads; default one for each core. */
  readonly workers?: number | undefined;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each difference, in path order; the check waits for it. */
  readonly onDifference?: ((difference: Difference) => void | Promise<void>) | undefined;
  /** Told when more files are done, many at a time. */
  readonly onProgress?: (() => void) | undefined;
  /** Told when the work begins; `read` can then be asked at any time. */
  readonly onPhase?:
    | ((total: number, read: () => { readonly done: number; readonly bytes: number; readonly failed: number }) => void)
    | undefined;
}
