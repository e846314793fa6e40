import type { Sha256 } from '../io/digest.ts';

/** What became of a version in a run. */
export type ManifestStatus = 'downloaded' | 'skipped' | 'absent' | 'failed';

/**
 * One line of the manifest: what became of one version in one run. Fields that do not apply are left out, except `size`
 * and `sha256`, which are null when nothing is there.
 */
export interface ManifestRecord {
  readonly url: string;
  /** Path inside the mirror, with `/`. */
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  /** Time of change of the file in microseconds; with path, size and digest it lets a later run trust the file unread. */
  readonly mtimeUs?: number | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly status: ManifestStatus;
  readonly error?: string | undefined;
  /** Attempts after the first one. */
  readonly retries?: number | undefined;
  readonly httpStatus?: number | undefined;
  readonly name?: string | undefined;
  readonly vers?: string | undefined;
  readonly runId: string;
  /** The bundle that holds the file. */
  readonly bundle?: string | undefined;
}

/** Version of the record's form; a reader must refuse a higher one. */
export const MANIFEST_SCHEMA_VERSION = 1;

/**
 * The line of a record, with its line feed. Keys have a fixed order, so that the journal can read its own lines without
 * parsing them whole. Described in docs/formats/manifest.md.
 */
export function formatManifestRecord(record: ManifestRecord): string {
  return `${JSON.stringify({
    schema_version: MANIFEST_SCHEMA_VERSION,
    url: record.url,
    path: record.path,
    size: record.size,
    sha256: record.sha256,
    mtime_us: record.mtimeUs,
    started_at: new Date(record.startedAt).toISOString(),
    finished_at: new Date(record.finishedAt).toISOString(),
    ok: record.status === 'downloaded' || record.status === 'skipped',
    status: record.status,
    error: record.error,
    retries: record.retries === 0 ? undefined : record.retries,
    http_status: record.httpStatus,
    name: record.name,
    vers: record.vers,
    run_id: record.runId,
    bundle: record.bundle,
  })}\n`;
}
