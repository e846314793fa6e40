import type { ManifestRecord, ManifestStatus, Sha256 } from '@mirror/core';

/** The record of a line that this program has just written; see docs/formats/manifest.md. */
export function parseRecord(line: string): ManifestRecord {
  const json = JSON.parse(line) as WrittenRecord;
  return {
    url: json.url,
    path: json.path,
    size: json.size,
    sha256: json.sha256,
    mtimeUs: json.mtime_us,
    startedAt: Date.parse(json.started_at),
    finishedAt: Date.parse(json.finished_at),
    status: json.status,
    error: json.error,
    retries: json.retries,
    httpStatus: json.http_status,
    name: json.name,
    vers: json.vers,
    runId: json.run_id,
    bundle: json.bundle,
  };
}

interface WrittenRecord {
  readonly url: string;
  readonly path: string;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly mtime_us?: number;
  readonly started_at: string;
  readonly finished_at: string;
  readonly status: ManifestStatus;
  readonly error?: string;
  readonly retries?: number;
  readonly http_status?: number;
  readonly name?: string;
  readonly vers?: string;
  readonly run_id: string;
  readonly bundle?: string;
}
