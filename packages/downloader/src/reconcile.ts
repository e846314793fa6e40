import { lstatSync } from 'node:fs';
import path from 'node:path';
import { mtimeUsOf, sha256File, systemCodeOf } from '@mirror/core';
import type { Journal, LocalStorage } from '@mirror/core';
import type { CrateJob } from './fetch/crate-job.ts';

/** How much a run trusts what is there, from the least to the most trusting. */
export const RESUME_CHECKS = ['sha256', 'manifest', 'exists'] as const;

/** One of `RESUME_CHECKS`. */
export type ResumeCheck = (typeof RESUME_CHECKS)[number];

/** What is there of a job: nothing, something else in its place, or the file. */
export type Presence = { readonly kind: 'missing' | 'wrong' } | There;

/** A file that is there and right. */
export interface There {
  /** `vouched` when an earlier record says so and nothing has changed since; `present` when no record says so yet. */
  readonly kind: 'vouched' | 'present';
  readonly size: number;
  readonly mtimeUs: number;
  /** Null when it was taken on trust and nobody said what it must be. */
  readonly sha256: string | null;
}

/** Whether nothing has to be fetched. */
export function isThere(presence: Presence): presence is There {
  return presence.kind === 'vouched' || presence.kind === 'present';
}

/**
 * Compare jobs with what is there, and hand each on as it is found. What each level trusts:
 * `exists` a file of the right name; `manifest` a record with the same path, size, time of change and digest, and reads the rest;
 * `sha256` nothing: every file is read.
 */
export function createReconciler(
  storage: LocalStorage,
  journal: Journal,
  level: ResumeCheck,
): (job: CrateJob, signal: AbortSignal) => Presence | Promise<Presence> {
  return (job, signal) => {
    const file = storage.root + path.sep + job.path;
    const found = statQuietly(file);
    if (found === undefined) return MISSING;
    const { size, mtimeUs } = found;
    const there = (kind: There['kind'], sha256: string | null): There => ({ kind, size, mtimeUs, sha256 });
    const isVouched = (sha256: string): boolean => journal.vouches({ path: job.path, size, mtimeUs, sha256 });
    if (level !== 'sha256' && job.sha256 !== undefined && isVouched(job.sha256)) return there('vouched', job.sha256);
    if (level === 'exists') return there('present', job.sha256 ?? null);
    // where nobody said what it must be, whatever a finished run left under this name is as good as a new copy
    return sha256File(file, signal).then((sha256) => {
      if (job.sha256 !== undefined && sha256 !== job.sha256) return WRONG;
      return there(isVouched(sha256) ? 'vouched' : 'present', sha256);
    });
  };
}

const MISSING: Presence = { kind: 'missing' };
const WRONG: Presence = { kind: 'wrong' };

function statQuietly(file: string): { readonly size: number; readonly mtimeUs: number } | undefined {
  try {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true ? { size: stat.size, mtimeUs: mtimeUsOf(stat) } : undefined;
  } catch (error) {
    // a file in the place of a folder, or a name too long for the disk: the write will say what is wrong
    if (['ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
