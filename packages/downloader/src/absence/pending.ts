import { createReadStream, existsSync } from 'node:fs';
import path from 'node:path';
import { isSha256, readJsonLines, replaceFile } from '@mirror/core/io';
import { LAYOUTS, parseLayoutPath } from '@mirror/core/mirror';
import type { CrateJob } from '../fetch/crate-job.ts';

/** A version that was published lately and that upstream does not have yet. Described in docs/formats/pending.md. */
export interface PendingVersion {
  readonly job: CrateJob;
  /** When a run first found it absent, in milliseconds since 1970. */
  readonly since: number;
}

/** Where a mirror keeps its pending versions, a path inside it. */
export const PENDING_FILE = '.mirror/pending.jsonl';

const SCHEMA_VERSION = 1;

/** The pending versions of a mirror by path; none when there is no such file. Lines that are none are passed over. */
export async function readPending(root: string): Promise<Map<string, PendingVersion>> {
  const pending = new Map<string, PendingVersion>();
  const file = path.join(root, PENDING_FILE);
  if (!existsSync(file)) return pending;
  for await (const line of readJsonLines(createReadStream(file))) {
    const version = line.ok ? pendingOf(line.value) : undefined;
    if (version !== undefined) pending.set(version.job.path, version);
  }
  return pending;
}

/** Write them in the order of their paths. @throws {MirrorError} ERR_IO */
export function writePending(root: string, pending: Iterable<PendingVersion>): void {
  const versions = [...pending].sort((a, b) => (a.job.path < b.job.path ? -1 : 1));
  if (versions.length === 0 && !existsSync(path.join(root, PENDING_FILE))) return;
  replaceFile(PENDING_FILE, versions.map((version) => `${JSON.stringify(lineOf(version))}\n`).join(''), {
    within: root,
  });
}

function lineOf({ job, since }: PendingVersion): object {
  const { path: file, name, vers, sha256, urls } = job;
  return { schema_version: SCHEMA_VERSION, path: file, name, vers, sha256, urls, since: new Date(since).toISOString() };
}

function pendingOf(value: unknown): PendingVersion | undefined {
  const { path: file, name, vers, sha256, urls, since } = Object(value) as Readonly<Record<string, unknown>>;
  const at = typeof since === 'string' ? Date.parse(since) : Number.NaN;
  if (typeof file !== 'string' || typeof name !== 'string' || typeof vers !== 'string' || Number.isNaN(at))
    return undefined;
  if (!Array.isArray(urls) || !urls.every((url) => typeof url === 'string')) return undefined;
  const isOfVersion = LAYOUTS.some((layout) => {
    const crate = parseLayoutPath(layout, file);
    return crate?.name === name && crate.vers === vers;
  });
  if (!isOfVersion) return undefined;
  const digest = isSha256(sha256) ? sha256 : undefined;
  return { job: { path: file, name, vers, sha256: digest, urls, isNew: true }, since: at };
}
