import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import { silentLog } from '@mirror/core/log';
import type { Log } from '@mirror/core/log';
import type { Algorithm } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome } from './hash-file.ts';
import { hashInOrder } from './hash-in-order.ts';
import type { Hashable } from './hash-in-order.ts';
import type { HashArchiveOptions } from './hash-options.ts';
import type { HashPool } from './hash-pool.ts';
import { countEntries, inventory } from './inventory.ts';
import type { Item } from './inventory.ts';
import { createListingDigests } from './listing.ts';
import { directoryName, finalFiles, partOf, pathsInside } from './output-files.ts';
import type { OutputFiles } from './output-files.ts';
import { PROBLEM_REASONS } from './problem.ts';
import type { Problem } from './problem.ts';
import type { ReportEntry, ReportHeader } from './report.ts';
import { comparePaths } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';
import { createReportWriter } from './write-report.ts';

/** What was found in a tree. */
export interface FoundTree {
  readonly header: ReportHeader;
  readonly emptyDirectories: readonly TreePath[];
  readonly symlinks: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Hash everything and write the report under its temporary name. */
export async function hashTree(
  options: HashArchiveOptions,
  algorithms: readonly Algorithm[],
  outputs: OutputFiles,
  pool: HashPool,
): Promise<FoundTree> {
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

/** Whether a problem goes into the report; it is told and counted in any case. */
function accepted(
  problem: Problem,
  { policies = {} }: HashArchiveOptions,
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

const RUN_ITEMS = 64;
