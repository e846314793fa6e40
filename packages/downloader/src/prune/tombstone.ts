import { createReadStream, existsSync } from 'node:fs';
import { createFingerprintSet, fingerprintOf, isSha256, openJsonlAppender, readJsonLines } from '@mirror/core';
import type { Sha256 } from '@mirror/core';

/** What is done with files whose version the index no longer has. */
export const PRUNE_POLICIES = ['keep', 'quarantine', 'delete'] as const;

/** One of `PRUNE_POLICIES`. */
export type PrunePolicy = (typeof PRUNE_POLICIES)[number];

/** A file that is being taken out of the mirror. Described in docs/formats/tombstones.md. */
export interface Tombstone {
  /** Path inside the mirror, with `/`. */
  readonly path: string;
  readonly name: string;
  readonly vers: string;
  readonly sha256: Sha256;
  readonly size: number;
  /** Time of the file's last change in microseconds; with path, size and digest it tells this file from a later one of the same name. */
  readonly mtimeUs: number;
  readonly policy: Exclude<PrunePolicy, 'keep'>;
  readonly reason: string;
  /** Where it is moved to, a path inside the mirror; null when it is deleted. */
  readonly movedTo: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly runId: string;
}

/** Version of the record's form; a reader must refuse a higher one. */
const TOMBSTONE_SCHEMA_VERSION = 1;

/** What a tombstone is about: this very file and what was to be done with it. */
export type TombstoneSubject = Pick<Tombstone, 'path' | 'sha256' | 'size' | 'mtimeUs' | 'policy'>;

/** The tombstones of a mirror. */
export interface Tombstones {
  /** Whether a record, perhaps of a run that was killed before it acted, is there already. */
  has(subject: TombstoneSubject): boolean;
  /** Append records; they are on the device when it returns. */
  append(tombstones: readonly Tombstone[]): void;
}

/**
 * Open the tombstones of a mirror; the file need not be there. Costs eight bytes a record, doubled for room. Lines that are no
 * records are passed over; a last line that a power cut tore is cut off when something is appended.
 *
 * @throws {MirrorError} ERR_IO when the file cannot be read or written
 */
export async function openTombstones(file: string): Promise<Tombstones> {
  const known = createFingerprintSet();
  if (existsSync(file)) {
    for await (const line of readJsonLines(createReadStream(file))) {
      const subject = line.ok ? subjectOf(line.value) : undefined;
      if (subject !== undefined) known.add(evidence(subject));
    }
  }
  return {
    has: (subject) => known.has(evidence(subject)),
    append: (tombstones) => {
      if (tombstones.length === 0) return;
      const appender = openJsonlAppender(file);
      appender.append(tombstones.map(tombstoneRecord));
      appender.close(); // which flushes to the device
    },
  };
}

/** The record of a tombstone as it is written, keys in their order. */
function tombstoneRecord(tombstone: Tombstone): object {
  return {
    schema_version: TOMBSTONE_SCHEMA_VERSION,
    path: tombstone.path,
    name: tombstone.name,
    vers: tombstone.vers,
    sha256: tombstone.sha256,
    size: tombstone.size,
    mtime_us: tombstone.mtimeUs,
    policy: tombstone.policy,
    reason: tombstone.reason,
    moved_to: tombstone.movedTo,
    at: new Date(tombstone.at).toISOString(),
    run_id: tombstone.runId,
  };
}

/** Digest and policy have no space, so that no path can run into them. */
function evidence({ path, sha256, size, mtimeUs, policy }: TombstoneSubject): ReturnType<typeof fingerprintOf> {
  return fingerprintOf(`${sha256} ${policy} ${path}`, size, mtimeUs);
}

function subjectOf(value: unknown): TombstoneSubject | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { path, sha256, size, mtime_us: mtimeUs, policy } = value as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string' || !isSha256(sha256) || typeof size !== 'number' || typeof mtimeUs !== 'number')
    return undefined;
  return policy === 'quarantine' || policy === 'delete' ? { path, sha256, size, mtimeUs, policy } : undefined;
}
