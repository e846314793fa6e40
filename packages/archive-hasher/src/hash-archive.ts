import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { silentLog } from '@mirror/core/log';
import type { Log } from '@mirror/core/log';
import { acquireLock } from '@mirror/core/mirror';
import { ALGORITHMS } from './algorithms.ts';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome, HashedFile } from './hash-file.ts';
import { hashInOrder } from './hash-in-order.ts';
import type { Hashable } from './hash-in-order.ts';
import { createHashPool } from './hash-pool.ts';
import type { HashPool } from './hash-pool.ts';
import { countEntries, inventory } from './inventory.ts';
import type { Item, SymlinkPolicy } from './inventory.ts';
import { createListingDigests } from './listing.ts';
import { outputFiles, partOf, pathsInside } from './output-files.ts';
import type { OutputFiles } from './output-files.ts';
import type { ArchiveKind, PackResult } from './pack-archive.ts';
import { PROBLEM_REASONS } from './problem.ts';
import type { Problem, ProblemReason } from './problem.ts';
import type { ReportEntry, ReportHeader } from './report.ts';
import type { SigningKey } from './sign.ts';
import { comparePaths } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';
import { createReportWriter } from './write-report.ts';
import { writing } from './writing.ts';

/** What becomes of a kind of problem: in the report and counted as a failure, left out and counted, or the end of the run. */
export type ProblemPolicy = 'report' | 'skip' | 'fail';

/** What to hash, and what to make of it. */
export interface HashArchiveOptions {
  readonly dir: string;
  /** Where the outputs go; made when it is not there. It may lie inside `dir`. Default the working directory. */
  readonly outDir?: string | undefined;
  /** What the names of the outputs begin with; default the name of `dir`. */
  readonly outPrefix?: string | undefined;
  /** Default all. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** Default `zip`. */
  readonly archive?: ArchiveKind | 'none' | undefined;
  /** Signs the report; without it the report is not signed. */
  readonly signingKey?: SigningKey | undefined;
  /** The inventory date; default now. With a fixed one the same tree gives the same report. */
  readonly date?: Date | undefined;
  /** Default `record`. */
  readonly symlinks?: SymlinkPolicy | undefined;
  /** Policy by the reason of a problem; default `report` for all. */
  readonly policies?: Partial<Readonly<Record<ProblemReason, ProblemPolicy>>> | undefined;
  /** How often a file that changes while it is read is read again; default 2. */
  readonly retries?: number | undefined;
  /** Threads; default one for each core. */
  readonly workers?: number | undefined;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  readonly log?: Log | undefined;
  /** Ends the run: it leaves no outputs, and those of an earlier run as they were. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each file that was hashed, in path order. */
  readonly onHashed?: ((file: HashedFile) => void) | undefined;
  /** Told when a phase begins; `read` can then be asked at any time. What is there is counted when it is asked first. */
  readonly onPhase?: ((phase: 'hashing' | 'packing', read: () => HashProgress) => void) | undefined;
}

/** How far a run is. */
export interface HashProgress {
  /** Files hashed; when packing, bytes packed. */
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
  readonly failed: number;
}

/** What a run has found and made. */
export interface HashArchiveResult {
  readonly header: ReportHeader;
  readonly outputs: Pick<OutputFiles, 'report' | 'archive'> & {
    readonly signature: string | undefined;
    readonly publicKey: string | undefined;
  };
  readonly symlinks: number;
  /** Problems that count as failures. */
  readonly failed: number;
  /** Problems that were left out by policy. */
  readonly skipped: number;
  /** How many members the archive has; undefined when there is none. */
  readonly archived: number | undefined;
}

/**
 * Hash every file of a directory, write the report, sign it, and pack the directory. All outputs appear under their names
 * at the end, the report first; a run that fails or is killed leaves none of them changed, but may leave `.part` files,
 * which the next run writes over.
 *
 * @throws {MirrorError} ERR_USAGE for options that make no sense, ERR_LOCKED when another run has the same outputs, ERR_IO
 * for a problem whose policy is `fail`, or an output that cannot be written
 */
export async function hashArchive(options: HashArchiveOptions): Promise<HashArchiveResult> {
  const { archive = 'zip', outDir = '.', signal } = options;
  const dir = await checkedDirectory(options.dir);
  await writing(outDir, mkdir(outDir, { recursive: true }));
  const outputs = outputFiles(outDir, options.outPrefix ?? directoryName(dir), archive);
  const lock = acquireLock(outputs.lock, 'mirror-archive-hasher hash');
  try {
    signal?.throwIfAborted();
    return await run({ ...options, dir, archive }, outputs);
  } finally {
    await Promise.all([outputs.spool, ...finalFiles(outputs).map(partOf)].map((file) => rm(file, { force: true })));
    lock.release();
  }
}

type Run = HashArchiveOptions & Required<Pick<HashArchiveOptions, 'archive'>>;

async function run(options: Run, outputs: OutputFiles): Promise<HashArchiveResult> {
  const { algorithms = ALGORITHMS, signal, signingKey } = options;
  const read = { root: options.dir, follow: options.symlinks === 'follow', retries: options.retries ?? 2 };
  const pool = createHashPool({
    algorithms,
    read,
    engine: options.engine,
    workers: options.workers,
    signal: options.signal,
  });
  try {
    const found = await hashTree(options, algorithms, outputs, pool);
    const report = partOf(outputs.report);
    const made = [outputs.report];
    if (signingKey !== undefined) {
      await writeSynced(partOf(outputs.signature), await signingKey.sign(report));
      await writeSynced(partOf(outputs.publicKey), signingKey.publicKey);
      made.push(outputs.signature, outputs.publicKey);
    }
    signal?.throwIfAborted();
    const packed =
      outputs.archive === undefined ? undefined : await pack(options, outputs, outputs.archive, made, found, pool);
    if (outputs.archive !== undefined) made.push(outputs.archive);
    if (signingKey === undefined) await rm(outputs.signature, { force: true }); // that of an earlier report would accuse this one
    for (const file of made) await rename(partOf(file), file);
    await syncDirectory(path.dirname(outputs.report));
    return {
      header: found.header,
      outputs: {
        report: outputs.report,
        archive: outputs.archive,
        signature: signingKey && outputs.signature,
        publicKey: signingKey && outputs.publicKey,
      },
      symlinks: found.symlinks,
      failed: found.failed + (packed?.problems.length ?? 0),
      skipped: found.skipped,
      archived: packed?.members,
    };
  } finally {
    await pool.close();
  }
}

interface Found {
  readonly header: ReportHeader;
  readonly emptyDirectories: readonly TreePath[];
  readonly symlinks: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Hash everything and write the report under its temporary name. */
async function hashTree(
  options: Run,
  algorithms: readonly Algorithm[],
  outputs: OutputFiles,
  pool: HashPool,
): Promise<Found> {
  const { dir, log = silentLog, symlinks = 'record', signingKey } = options;
  const counts = { files: 0, directories: 0, bytes: 0, symlinks: 0, failed: 0, skipped: 0 };
  const emptyDirectories: TreePath[] = [];
  const excluded = pathsInside(dir, finalFiles(outputs));
  const exclude = new Set([...excluded, ...excluded.map(partOf), ...pathsInside(dir, [outputs.spool, outputs.lock])]);
  const names = algorithms.map(({ name }) => name);
  let total: number | undefined;
  options.onPhase?.('hashing', () => {
    total ??= countEntries(dir);
    return { done: counts.files, total, bytes: pool.bytesRead(), failed: counts.failed };
  });

  const listing = await createListingDigests(algorithms);
  const writer = await createReportWriter(outputs.spool);
  try {
    const items = inventory(dir, { symlinks, exclude, sizes: false });
    for await (const batch of hashInOrder(asHashable(items), pool)) {
      const entries: ReportEntry[] = [];
      const files = [];
      for (const { item, outcome } of batch) {
        const { found } = item;
        const entry = entryOf(found, outcome, names);
        if (entry === undefined) {
          counts.directories += 1;
          if (found.kind === 'directory' && found.isEmpty) emptyDirectories.push(found.path);
        } else if (entry.kind !== 'problem' || accepted(entry, options, log, counts)) {
          entries.push(entry);
        }
        if (outcome !== undefined && isHashed(outcome)) {
          files.push(outcome);
          counts.files += 1;
          counts.bytes += outcome.size;
          options.onHashed?.(outcome);
        }
        if (entry?.kind === 'symlink') counts.symlinks += 1;
      }
      listing.add(files);
      await writer.add(entries);
    }
    const digests = listing.digests();
    const header: ReportHeader = {
      directory: {
        name: directoryName(dir),
        totalFiles: counts.files,
        totalDirectories: counts.directories,
        totalSizeBytes: counts.bytes,
        inventoryDate: `${(options.date ?? new Date()).toISOString().slice(0, 19)}Z`,
        symlinks,
        skipped: PROBLEM_REASONS.filter((reason) => options.policies?.[reason] === 'skip'),
        excluded: [...excluded].sort(comparePaths),
      },
      hashes: new Map(names.map((name, i) => [name, digests[i]!])),
      signature: signingKey && {
        file: path.basename(outputs.signature),
        publicKey: path.basename(outputs.publicKey),
        fingerprint: signingKey.fingerprint,
      },
    };
    await writer.finish(header, partOf(outputs.report));
    return { header, emptyDirectories, ...counts };
  } finally {
    await writer.close();
  }
}

async function pack(
  options: Run,
  outputs: OutputFiles,
  archive: string,
  made: readonly string[],
  found: Found,
  pool: HashPool,
): Promise<PackResult> {
  const { archive: kind = 'none', log = silentLog } = options;
  if (kind === 'none') throw new Error('there is nothing to pack');
  if (made.some((file) => path.basename(file) === found.header.directory.name)) {
    throw new MirrorError('ERR_USAGE', 'the directory has the name of an output', {
      hint: 'give another --out-prefix',
    });
  }
  const before = pool.bytesRead();
  const total = found.header.directory.totalSizeBytes;
  options.onPhase?.('packing', () => ({
    done: pool.bytesRead() - before,
    total,
    bytes: pool.bytesRead() - before,
    failed: 0,
  }));
  const task = {
    kind,
    archive: partOf(archive),
    report: partOf(outputs.report),
    emptyDirectories: found.emptyDirectories,
    beside: made.map((file) => ({ name: path.basename(file), file: partOf(file) })),
  };
  const packed = await writing(task.archive, pool.pack(task));
  for (const problem of packed.problems) log.warn('not in the archive', { ...problem });
  return packed;
}

/** Whether a problem goes into the report; it is told and counted in any case. */
function accepted(
  problem: Problem,
  { policies = {} }: Run,
  log: Log,
  counts: { failed: number; skipped: number },
): boolean {
  const { path, reason, detail } = problem;
  const policy = policies[reason] ?? 'report';
  if (policy === 'fail') throw new MirrorError('ERR_IO', `${path}: ${reason} (${detail})`);
  log.warn(policy === 'skip' ? 'left out' : 'cannot be hashed', { path, reason, detail });
  counts[policy === 'skip' ? 'skipped' : 'failed'] += 1;
  return policy === 'report';
}

function entryOf(item: Item, outcome: FileOutcome | undefined, names: readonly string[]): ReportEntry | undefined {
  if (item.kind === 'directory') return undefined;
  if (item.kind !== 'file') return item;
  if (outcome === undefined) throw new Error(`no outcome for ${item.path}`);
  if (!isHashed(outcome)) return { kind: 'problem', ...outcome };
  const { path, size, modifiedNs, digests } = outcome;
  return { kind: 'file', path, size, modifiedNs, hashes: new Map(names.map((name, i) => [name, digests[i]!])) };
}

function* asHashable(items: Iterable<Item>): Generator<readonly (Hashable & { readonly found: Item })[]> {
  let run = [];
  for (const found of items) {
    run.push({ found, file: found.kind === 'file' ? found : undefined });
    if (run.length < RUN_ITEMS) continue;
    yield run;
    run = [];
  }
  yield run;
}

async function checkedDirectory(dir: string): Promise<string> {
  const resolved = path.resolve(dir);
  try {
    if ((await stat(resolved)).isDirectory()) return resolved;
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read the directory ${dir}: ${messageOf(cause)}`, { cause });
  }
  throw new MirrorError('ERR_USAGE', `${dir} is not a directory`);
}

function directoryName(dir: string): string {
  return path.basename(dir) || 'root';
}

function finalFiles({ report, signature, publicKey, archive }: OutputFiles): string[] {
  return [report, signature, publicKey, ...(archive === undefined ? [] : [archive])];
}

function writeSynced(file: string, text: string): Promise<void> {
  return writing(file, writeFile(file, text, { flush: true }));
}

/** Make the renames themselves last; Windows cannot and need not. */
async function syncDirectory(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const RUN_ITEMS = 64;
