import type { Sha256 } from '../io/digest.ts';
import { terminalLine } from '../text/terminal-text.ts';

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
  const ok = record.status === 'downloaded' || record.status === 'skipped';
  // written out: a run makes millions of these, and JSON.stringify takes four times as long for an object
  let line = `{"schema_version":${String(MANIFEST_SCHEMA_VERSION)},"url":${quoted(record.url)},"path":${quoted(record.path)}`;
  line += `,"size":${String(record.size)},"sha256":${record.sha256 === null ? 'null' : quoted(record.sha256)}`;
  if (record.mtimeUs !== undefined) line += `,"mtime_us":${String(record.mtimeUs)}`;
  line += `,"started_at":"${timeOf(record.startedAt)}","finished_at":"${timeOf(record.finishedAt)}"`;
  line += `,"ok":${String(ok)},"status":"${record.status}"`;
  if (record.error !== undefined) line += `,"error":${quoted(record.error)}`;
  if (record.retries !== undefined && record.retries !== 0) line += `,"retries":${String(record.retries)}`;
  if (record.httpStatus !== undefined) line += `,"http_status":${String(record.httpStatus)}`;
  if (record.name !== undefined) line += `,"name":${quoted(record.name)}`;
  if (record.vers !== undefined) line += `,"vers":${quoted(record.vers)}`;
  line += `,"run_id":${quoted(record.runId)}`;
  if (record.bundle !== undefined) line += `,"bundle":${quoted(record.bundle)}`;
  return `${line}}\n`;
}

/** Most text needs no escape. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : terminalLine(JSON.stringify(text));
}

/** As `toISOString`, which is asked once for each second: records come in thousands a second. */
function timeOf(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = new Date(second * 1000).toISOString().slice(0, -'000Z'.length);
  }
  return `${lastSecondText}${String(ms - second * 1000).padStart(3, '0')}Z`;
}

let lastSecond = Number.NaN;
let lastSecondText = '';

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
