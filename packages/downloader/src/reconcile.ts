import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core/errors';
import { mtimeUsOf, sha256File } from '@mirror/core/io';
import type { Sha256 } from '@mirror/core/io';
import type { Journal, LocalStorage } from '@mirror/core/mirror';
import type { CrateJob } from './fetch/crate-job.ts';

/** How much a run trusts what is there, from the least to the most trusting. */
export const RESUME_CHECKS = ['sha256', 'manifest', 'listing', 'exists'] as const;

/** One of `RESUME_CHECKS`. */
export type ResumeCheck = (typeof RESUME_CHECKS)[number];

/** What is there of a job: nothing, other bytes, something that no file can take the place of, the file of an earlier checksum, or the file. */
export type Presence =
  { readonly kind: 'missing' | 'wrong' } | { readonly kind: 'blocked'; readonly reason: string } | Replaced | There;

/** A file that was right once, by a record or by the change feed: upstream has another checksum for its version now. */
export interface Replaced {
  readonly kind: 'replaced';
  readonly size: number;
  readonly mtimeUs: number;
  readonly sha256: Sha256;
}

/** A file that is there and right. */
export interface There {
  /**
   * `vouched` when an earlier record says so and nothing has changed since; `present` when no record says so yet; `trusted` when
   * nobody looked and nobody says so, so that it is nothing to be recorded.
   */
  readonly kind: 'vouched' | 'present' | 'trusted';
  readonly size: number;
  readonly mtimeUs: number;
  /** Null when it was taken on trust. */
  readonly sha256: string | null;
}

/** Whether nothing has to be fetched. */
export function isThere(presence: Presence): presence is There {
  return presence.kind === 'vouched' || presence.kind === 'present' || presence.kind === 'trusted';
}

/**
 * Compare a job with what is there. What each level trusts: `exists` a file of the right name; `listing` a record with the same path and
 * digest, and that a file of the name is there; `manifest` such a record when size and time of change are the same too; `sha256`
 * nothing. What is not trusted is read.
 */
export function createReconciler(
  storage: LocalStorage,
  journal: Journal,
  level: ResumeCheck,
): (job: CrateJob, signal: AbortSignal) => Presence | Promise<Presence> {
  const isFolderThere = createFolderList(storage.root);
  return (job, signal) => {
    if (!isFolderThere(job.path)) return MISSING;
    const file = storage.root + path.sep + job.path;
    const found = look(file);
    if (found.kind !== 'file') return found;
    const { size, mtimeUs } = found;
    const there = (kind: There['kind'], sha256: string | null): There => ({ kind, size, mtimeUs, sha256 });
    const isVouched = (sha256: string): boolean => journal.vouches({ path: job.path, size, mtimeUs, sha256 });
    if (level === 'exists') return there('trusted', null);
    if (job.sha256 !== undefined) {
      if (level === 'listing' && journal.knows({ path: job.path, sha256: job.sha256 }))
        return there('vouched', job.sha256);
      if (level === 'manifest' && isVouched(job.sha256)) return there('vouched', job.sha256);
    }
    // where nobody said what it must be, whatever a finished run left under this name is as good as a new copy
    return sha256File(file, signal).then((sha256) => {
      if (job.sha256 !== undefined && sha256 !== job.sha256)
        return job.formerSha256 === sha256 || journal.knows({ path: job.path, sha256 })
          ? { kind: 'replaced', size, mtimeUs, sha256 }
          : WRONG;
      return there(isVouched(sha256) ? 'vouched' : 'present', sha256);
    });
  };
}

const MISSING: Presence = { kind: 'missing' };
const WRONG: Presence = { kind: 'wrong' };

/**
 * Whether the folder at the top of the mirror that a path lies in is there: of a crate without one, no file has to be looked for. The top is listed
 * once, when it is first asked for. Names that differ in nothing but case count as the same, as some file systems have it.
 */
function createFolderList(root: string): (path: string) => boolean {
  let folders: ReadonlySet<string> | undefined;
  let last: string | undefined;
  let isLastThere = true;
  return (path) => {
    const folder = path.split('/', 1)[0]!;
    if (folder === last) return isLastThere;
    folders ??= new Set(namesIn(root).map((name) => name.toLowerCase()));
    last = folder;
    return (isLastThere = folders.has(folder.toLowerCase()));
  };
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw new MirrorError('ERR_IO', `cannot list ${root}: ${messageOf(error)}`, { cause: error });
  }
}

function look(file: string): Presence | { readonly kind: 'file'; readonly size: number; readonly mtimeUs: number } {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOTDIR') return { kind: 'blocked', reason: `a file is in the place of the folder of ${file}` };
    // a name too long for the disk: the write will say what is wrong
    if (code === 'ENAMETOOLONG' || code === 'ELOOP') return MISSING;
    throw error;
  }
  if (stat === undefined) return MISSING;
  if (stat.isDirectory()) return { kind: 'blocked', reason: `a directory is in the place of the file ${file}` };
  return stat.isFile() ? { kind: 'file', size: stat.size, mtimeUs: mtimeUsOf(stat) } : WRONG;
}
