import { lstatSync } from 'node:fs';
import path from 'node:path';
import { IntegrityError, formatManifestRecord, layoutPath, sha256 } from '@mirror/core';
import type { AddedEntry, BundleSet, BundleWriter, CrateUrl, IndexEntry, IndexSource } from '@mirror/core';
import type { ExportOptions } from './export.ts';
import type { RollingLines } from './set/rolling-lines.ts';
import type { CrateState } from './set/set-state.ts';

/** What an export reads from and writes to. */
export interface ExportSinks {
  readonly urlOf: CrateUrl;
  readonly source: IndexSource;
  readonly crates: BundleWriter;
  readonly index: BundleWriter;
  readonly manifest: RollingLines;
  readonly bundles: BundleSet | undefined;
}

/** Numbers of an export so far. */
export interface ExportCounts {
  crates: number;
  bytes: number;
  indexFiles: number;
  unchanged: number;
  missing: number;
}

/** A crate file on its way into the set. */
interface StartedVersion {
  readonly entry: IndexEntry;
  readonly file: string;
  /** What became of it; the error when it is not here, or not what it should be. */
  readonly added: Promise<(AddedEntry & { readonly size: number }) | IntegrityError>;
}

/** Begin to put the versions of one crate into the set, as far as the receiver does not have them. */
export async function startCrate(
  options: ExportOptions,
  sinks: ExportSinks,
  counts: ExportCounts,
  entries: readonly IndexEntry[],
  had: CrateState | undefined,
): Promise<StartedVersion[]> {
  const started: StartedVersion[] = [];
  for (const entry of entries) {
    if (had?.versions[entry.vers] === entry.cksum) counts.unchanged += 1;
    else started.push(await startVersion(options, sinks, entry));
  }
  return started;
}

async function startVersion(
  { out, layout }: ExportOptions,
  { crates, bundles }: ExportSinks,
  entry: IndexEntry,
): Promise<StartedVersion> {
  const { name, vers, cksum } = entry;
  const file = layoutPath(layout, name, vers);
  const loose = path.join(out, file);
  const found = lstatSync(loose, { throwIfNoEntry: false });
  const packed = found?.isFile() !== true && bundles?.has(file, cksum) === true ? await bundles.find(file) : undefined;
  const size = found?.isFile() === true ? found.size : packed?.entry.size;
  if (size === undefined)
    return { entry, file, added: Promise.resolve(new IntegrityError(file, `sha256 ${cksum}`, 'no file')) };
  const body = packed === undefined ? { file: loose } : () => bundles!.stream(file);
  const added = crates.add({ path: file, name, vers, sha256: cksum, size, body }).then(
    (entryAdded) => ({ ...entryAdded, size }),
    (error: unknown) => {
      if (error instanceof IntegrityError) return error;
      throw error;
    },
  );
  added.catch(() => undefined); // told when its turn comes
  return { entry, file, added };
}

/** Put the index file of a crate into the set when its versions are in, and say what the receiver will have. */
export async function exportCrate(
  options: ExportOptions,
  sinks: ExportSinks,
  counts: ExportCounts,
  { indexPath, had, started, createdAt }: StartedCrate,
): Promise<CrateState> {
  const versions: Record<string, string> = { ...had?.versions };
  for (const { entry, file, added } of started) {
    const result = await added;
    if (result instanceof IntegrityError) {
      counts.missing += 1;
      options.log?.warn('not exported', { path: file, error: result.message });
    } else {
      await noteExported(sinks, counts, { entry, file, createdAt, ...result });
      versions[entry.vers] = entry.cksum;
    }
    options.onDone?.(counts.bytes);
  }
  const bytes = readIndexFile(sinks.source, indexPath);
  const digest = sha256(bytes);
  if (had?.sha256 !== digest) {
    await sinks.index.add({ path: indexPath, sha256: digest, size: bytes.length, body: bytes });
    counts.indexFiles += 1;
  }
  return { indexPath, sha256: digest, versions };
}

interface StartedCrate {
  readonly indexPath: string;
  /** What the receiver has. */
  readonly had: CrateState | undefined;
  readonly started: readonly StartedVersion[];
  readonly createdAt: Date;
}

/** Write the manifest record of a crate file that is in the set. */
async function noteExported(
  { manifest, urlOf }: ExportSinks,
  counts: ExportCounts,
  { entry, file, size, bundle, createdAt }: ExportedVersion,
): Promise<void> {
  const { name, vers, cksum } = entry;
  const at = createdAt.getTime();
  const what = { url: urlOf({ name, vers, cksum }), path: file, size, sha256: cksum, name, vers, bundle };
  const record = { ...what, startedAt: at, finishedAt: at, status: 'skipped', runId: 'export' } as const;
  await manifest.add(formatManifestRecord(record));
  counts.crates += 1;
  counts.bytes += size;
}

interface ExportedVersion {
  readonly entry: IndexEntry;
  readonly file: string;
  readonly size: number;
  readonly bundle: string;
  readonly createdAt: Date;
}

/** The bytes of a file of the index. */
export function readIndexFile(source: IndexSource, indexPath: string): Buffer {
  const file = source.open(indexPath);
  try {
    const bytes = Buffer.alloc(file.size());
    let done = 0;
    for (let more = 1; done < bytes.length && more > 0; done += more)
      more = file.read(bytes.subarray(done), 0, bytes.length - done);
    return bytes.subarray(0, done);
  } finally {
    file.close();
  }
}
