import type { Sha256 } from '@mirror/core/io';
import type { Credentials } from '@mirror/core/net';

/** A file to get. */
export interface CrateJob {
  /** Where it can be got, in the order to try. */
  readonly urls: readonly string[];
  /** Where it goes in the mirror. */
  readonly path: string;
  /** What it must be; undefined when nobody said (a plain list of URLs). */
  readonly sha256: Sha256 | undefined;
  readonly name: string | undefined;
  readonly vers: string | undefined;
  /** What opens the server of its URL, taken out of it: for a URL of a list. */
  readonly credentials?: Credentials | undefined;
  /** Published lately: upstream may not have it yet. */
  readonly isNew?: boolean;
  /** What it was before upstream changed it, by a change feed. */
  readonly formerSha256?: Sha256;
}

/** What became of a job. */
export interface CrateResult {
  readonly job: CrateJob;
  readonly status: 'downloaded' | 'absent' | 'failed';
  /** The URL that gave the last answer. */
  readonly url: string;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly mtimeUs: number | undefined;
  readonly error: string | undefined;
  /** Attempts after the first one. */
  readonly retries: number;
  readonly httpStatus: number | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** A failure that may be gone later: worth a second round at the end of the run. */
  readonly isTransient: boolean;
}
