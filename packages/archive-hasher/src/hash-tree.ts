import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Algorithm } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome, HashedFile } from './hash-file.ts';
import { watchDirectories } from './bare-directories.ts';
import { BATCH_ITEMS, hashInOrder } from './hash-in-order.ts';
import type { HashedBatch } from './hash-in-order.ts';
import type { HashArchiveOptions } from './hash-options.ts';
import type { HashPool } from './hash-pool.ts';
import { countEntries, inventory } from './inventory.ts';
import type { Item } from './inventory.ts';
import { OWN_STATE, leftOutBy } from './left-out.ts';
import { createListingDigests } from './listing.ts';
import { directoryName, finalFiles, pathsInside } from './output-files.ts';
import type { OutputFiles, OwnFiles } from './output-files.ts';
import { applyPolicy } from './problem-policy.ts';
import { PROBLEM_REASONS } from './problem.ts';
import { formatEntry, formatFile } from './report.ts';
import type { ReportHeader } from './report.ts';
import type { Stage } from './publish/stage.ts';
import { comparePaths, pathBytes } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';
import { createListingWriter } from './write-listings.ts';
import { createReportWriter } from './write-report.ts';

/** What was found in a tree. */
export interface FoundTree {
  readonly header: ReportHeader;
  /** Directories that an archive must name: see bare-directories.ts. */
  readonly bareDirectories: readonly TreePath[];
  readonly symlinks: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Hash everything and write the report to the stage. */
export async function hashTree(
  options: HashArchiveOptions,
  algorithms: readonly Algorithm[],
  { outputs, own, stage }: { readonly outputs: OutputFiles; readonly own: OwnFiles; readonly stage: Stage },
  pool: HashPool,
): Promise<FoundTree> {
  const { dir, symlinks = 'record', signingKey } = options;
  const counts = { files: 0, directories: 0, bytes: 0, symlinks: 0, failed: 0, skipped: 0 };
  const directories = watchDirectories();
  const excluded = pathsInside(dir, finalFiles(outputs));
  const globs = [...OWN_STATE, ...(options.exclude ?? [])];
  const directoryPaths = createHash('sha256');
  const spool = stage.at('entries');
  const exclude = new Set([...excluded, ...pathsInside(dir, [own.lock, own.finished, path.dirname(spool)])]);
  const names = algorithms.map(({ name }) => name);
  let total: number | undefined;
  options.onPhase?.('hashing', () => {
    total ??= countEntries(dir);
    return { done: counts.files, total, bytes: pool.bytesRead(), failed: counts.failed };
  });

  const listing = await createListingDigests(algorithms);
  const writer = await createReportWriter(spool, outputs.report);
  const listings = await createListingWriter(
    outputs.listings.map(({ algorithm, file }) => ({ algorithm, file: stage.at(file), called: file })),
    names,
  );
  try {
    const items = inventory(dir, { symlinks, exclude, leftOut: leftOutBy(globs), sizes: false });
    for await (const batch of hashInOrder(inBatches(items), fileOf, pool)) {
      const { entries, files } = take(batch);
      listing.add(files);
      await writer.add(entries);
      await listings.add(files);
      options.onProgress?.();
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
        excludedGlobs: globs,
        directoriesSha256: directoryPaths.digest('hex'),
      },
      hashes: new Map(names.map((name, i) => [name, digests[i]!])),
      signature: signingKey && {
        file: path.basename(outputs.signature),
        publicKey: path.basename(outputs.publicKey),
        fingerprint: signingKey.fingerprint,
      },
    };
    await listings.finish();
    await writer.finish(header, stage.at(outputs.report));
    return { ...counts, header, bareDirectories: directories.end() };
  } finally {
    await writer.close();
    await listings.close();
  }

  /** Count what is in a batch; the text of its entries, and the files among them. */
  function take({ items, outcomes }: HashedBatch<Item>): { readonly entries: string; readonly files: HashedFile[] } {
    const files: HashedFile[] = [];
    let entries = '';
    for (const [i, item] of items.entries()) {
      const found = resultOf(item, outcomes[i]);
      switch (found.kind) {
        case 'hashed':
          entries += formatFile(found.file, names);
          files.push(found.file);
          directories.hold(found.file.path);
          counts.files += 1;
          counts.bytes += found.file.size;
          options.onHashed?.(found.file);
          break;
        case 'directory':
          counts.directories += 1;
          directories.enter(found.path);
          directoryPaths.update(pathBytes(found.path)).update(NUL);
          break;
        case 'symlink':
          entries += formatEntry(found);
          counts.symlinks += 1;
          directories.hold(found.path);
          break;
        case 'problem':
          {
            const skipped = applyPolicy(found, options, counts, TOLD) === 'skip';
            entries += formatEntry(skipped ? { ...found, skipped } : found);
          }
          break;
      }
    }
    return { entries, files };
  }
}

/** What an item has become: a file is one with digests, or a problem. */
function resultOf(
  item: Item,
  outcome: FileOutcome | undefined,
): Exclude<Item, { kind: 'file' }> | { readonly kind: 'hashed'; readonly file: HashedFile } {
  if (item.kind !== 'file') return item;
  if (outcome === undefined) throw new Error(`no outcome for ${item.path}`);
  return isHashed(outcome) ? { kind: 'hashed', file: outcome } : { kind: 'problem', ...outcome };
}

function fileOf(item: Item): TreePath | undefined {
  return item.kind === 'file' ? item.path : undefined;
}

function* inBatches(items: Iterable<Item>): Generator<readonly Item[]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < BATCH_ITEMS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const NUL = Buffer.alloc(1);
const TOLD = { report: 'cannot be hashed', skip: 'left out' };
