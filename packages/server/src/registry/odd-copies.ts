import { IntegrityError, MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import type { WantedCrate } from './crate-files.ts';

/** Copies that are damaged or cannot be read: one of them must not hide a good one elsewhere. */
export interface OddCopies {
  /** How many there have been. */
  readonly count: number;
  /** What `work` finds at `place`; undefined, and told, when it cannot be read. */
  quietly<T>(place: string, work: () => T): T | undefined;
  /** Begin to look for a good one among copies. */
  search(): CopySearch;
}

/** A look for a good one among several copies. */
export interface CopySearch {
  /** What `work` finds at `place`; undefined, and remembered, when it is damaged or cannot be read. */
  tryCopy<T>(place: string, work: () => Promise<T | undefined>): Promise<T | undefined>;
  /** No copy was good: undefined when there was none. @throws {MirrorError} the damage, else why one could not be read */
  end(): undefined;
}

/** The odd copies of one mirror; `onOdd` is told each once. */
export function createOddCopies(onOdd: (error: MirrorError) => void = () => undefined): OddCopies {
  const told = new Set<string>();
  const note = (place: string, cause: unknown): MirrorError => {
    const error = asOddity(place, cause);
    // inner searches have told it already
    if (!seen.has(error) && told.size < MAX_TOLD && !told.has(error.message)) {
      told.add(error.message);
      onOdd(error);
    }
    seen.add(error);
    return error;
  };
  return {
    get count() {
      return told.size;
    },
    quietly(place, work) {
      try {
        return work();
      } catch (error) {
        note(place, error);
        return undefined;
      }
    },
    search() {
      let worst: MirrorError | undefined;
      return {
        async tryCopy(place, work) {
          try {
            return await work();
          } catch (error) {
            const odd = note(place, error);
            if (worst === undefined || (isDamage(odd) && !isDamage(worst))) worst = odd;
            return undefined;
          }
        },
        end() {
          if (worst !== undefined) throw worst;
          return undefined;
        },
      };
    },
  };
}

/** A wrong digest, or a bundle whose frames cannot be decompressed. */
export function isDamage(error: unknown): error is MirrorError {
  return error instanceof MirrorError && error.code === 'ERR_INTEGRITY';
}

/** The file at `place` is not what the index promises. */
export function damagedCopy({ name, vers, cksum }: WantedCrate, place: string, found: string): MirrorError {
  return new IntegrityError(`${name} ${vers}`, `sha256 ${cksum}`, found, {
    hint: `${place} is damaged; mirror-downloader verify --repair fetches it again`,
  });
}

const seen = new WeakSet<MirrorError>();

/** A mirror with more of them has another problem. */
const MAX_TOLD = 10_000;

/** @throws anything that is neither damage nor a failure of the system: a bug */
function asOddity(place: string, error: unknown): MirrorError {
  if (error instanceof MirrorError && (error.code === 'ERR_INTEGRITY' || error.code === 'ERR_IO')) return error;
  if (systemCodeOf(error) === undefined) throw error;
  return new MirrorError('ERR_IO', `cannot read ${place}: ${messageOf(error)}`, {
    cause: error,
    hint: 'check its permissions and the disk; another copy is used where there is one',
  });
}
