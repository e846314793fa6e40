import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import type { Signer } from '@mirror/core/evidence';
import { silentLog } from '@mirror/core/log';
import { algorithmsNamed } from './algorithms.ts';
import type { Algorithm } from './algorithms.ts';
import { createAudit } from './audit-report.ts';
import { checkDirectory } from './check-inputs.ts';
import { hashInOrder } from './hash-in-order.ts';
import { createHashPool } from './hash-pool.ts';
import { inventory } from './inventory.ts';
import { leftOutBy } from './left-out.ts';
import { matchTree } from './match-tree.ts';
import type { Match } from './match-tree.ts';
import type { Problem } from './problem.ts';
import { readReport } from './read-report.ts';
import type { ReportReader } from './read-report.ts';
import type { ReportHeader } from './report.ts';
import { pathBytes } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';
import { checkExcluded } from './verify/check-excluded.ts';
import { checkSigners, judgeSigner } from './verify/check-signer.ts';
import { compareItem, fileToHash } from './verify/compare-item.ts';
import type { Difference } from './verify/compare-item.ts';
import { findEvidence } from './verify/find-evidence.ts';
import { openSteadyFile } from './verify/steady-file.ts';
import type { VerifyArchiveOptions } from './verify/verify-options.ts';

/** What a check has found. */
export interface VerifyArchiveResult {
  readonly dir: string;
  /** The one that counts; undefined when the report has no signature. */
  readonly signer: Signer | undefined;
  /** All who have made a good signature. */
  readonly signers: readonly Signer[];
  /** SHA-256 of the report that was checked. */
  readonly reportSha256: string;
  /** Files that are as the report says. */
  readonly verified: number;
  /** How many differences of each kind there are. */
  readonly differences: Readonly<Record<Difference['change'], number>>;
}

/**
 * Check a directory against its report: first the signature, then that the report agrees with itself, then what was added, is
 * missing, or has changed. Needs nothing but the report, its signature and the key. Changes nothing.
 *
 * @throws {MirrorError} ERR_SIGNATURE when the report is not signed as it should be, ERR_INTEGRITY when it is not a report
 */
export async function verifyArchive(options: VerifyArchiveOptions): Promise<VerifyArchiveResult> {
  const { log = silentLog } = options;
  const evidence = findEvidence(options.report);
  if (evidence.isUnpublished)
    log.warn('a run was ended while it published this evidence; what it had finished is checked', {
      report: evidence.report,
    });
  const report = await openSteadyFile(evidence.report, 'the report');
  try {
    const chosen = { ...evidence, ...(options.signature !== undefined && { signatures: [options.signature] }) };
    const signers = await checkSigners(report, chosen, options, log);
    const reader = await readReport(report.name, report.chunks());
    const signer = judgeSigner(report.name, reader.header, signers, options, log);
    const dir = options.dir ?? (await findDirectory(options.report, reader.header.directory.name));
    checkDirectory(dir);
    const compared = await compareTree(reader, dir, options, () => report.digest()!);
    return { dir, signer, signers, reportSha256: report.digest()!, ...compared };
  } finally {
    await report.close();
  }
}

async function compareTree(
  { header, entries }: ReportReader,
  dir: string,
  options: VerifyArchiveOptions,
  reportSha256: () => string, // known once the entries were read
): Promise<Pick<VerifyArchiveResult, 'verified' | 'differences'>> {
  const { signal, quick = false } = options;
  const algorithms = algorithmsToCompare(header, options.algorithms);
  const follow = header.directory.symlinks === 'follow';
  const { symlinks, excluded, excludedGlobs = [] } = header.directory;
  const items = inventory(dir, { symlinks, exclude: new Set(excluded), leftOut: leftOutBy(excludedGlobs) });
  const pool = createHashPool({
    algorithms,
    read: { root: dir, follow, retries: 2 },
    engine: options.engine,
    workers: options.workers,
    signal: options.signal,
  });
  const counts = { missing: 0, added: 0, changed: 0, unverified: 0, report: 0 };
  let verified = 0;
  let done = 0;
  options.onPhase?.(header.directory.totalFiles, () => ({ done, bytes: pool.bytesRead(), failed: done - verified }));
  const tell = async (difference: Difference): Promise<void> => {
    counts[difference.change] += 1;
    await options.onDifference?.(difference);
  };
  try {
    const audit = await createAudit(header);
    let directories = 0;
    const directoryPaths = createHash('sha256');
    const unlisted: Problem[] = [];
    const matches = matchTree(audit.watch(entries), items, (each) => {
      directories += 1;
      directoryPaths.update(pathBytes(each)).update(NUL);
    });
    const fileOf = (match: Match): TreePath | undefined => (quick ? undefined : fileToHash(match));
    for await (const { items: matched, outcomes } of hashInOrder(matches, fileOf, pool)) {
      for (const [i, match] of matched.entries()) {
        if (match.entry === undefined && match.item?.kind === 'problem' && match.item.reason === 'unreadable')
          unlisted.push(match.item);
        const difference = compareItem(match, outcomes[i], { header, algorithms, dir, quick, unlisted });
        if (difference !== undefined) await tell(difference);
        else if (match.entry?.kind === 'file') verified += 1;
        if (match.entry?.kind === 'file') done += 1;
      }
      options.onProgress?.();
    }
    const found = unlisted.length === 0 ? { count: directories, sha256: directoryPaths.digest('hex') } : undefined;
    for (const difference of audit.findings(found)) await tell(difference);
    for await (const difference of checkExcluded(dir, header, reportSha256(), options)) await tell(difference);
    signal?.throwIfAborted();
    return { verified, differences: counts };
  } finally {
    await pool.close();
  }
}

function algorithmsToCompare({ hashes }: ReportHeader, wanted: readonly string[] | undefined): readonly Algorithm[] {
  const algorithms = algorithmsNamed(wanted ?? [...hashes.keys()]);
  const absent = algorithms.find(({ name }) => !hashes.has(name));
  if (absent === undefined) return algorithms;
  throw new MirrorError('ERR_USAGE', `the report has no ${absent.name}`, {
    hint: `it has ${[...hashes.keys()].join(', ')}`,
  });
}

/** Where the directory is when nobody says it: beside the report, as in an unpacked archive, or around it. */
async function findDirectory(report: string, name: string): Promise<string> {
  const around = path.dirname(path.resolve(report));
  const beside = path.join(around, path.basename(name));
  if (await exists(beside)) return beside;
  for (let up = around; ; up = path.dirname(up)) {
    if (path.basename(up) === name) return up;
    if (up === path.dirname(up)) break;
  }
  throw new MirrorError('ERR_USAGE', `there is no directory ${JSON.stringify(name)} beside or around ${report}`, {
    hint: 'say where it is by --dir',
  });
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}

const NUL = Buffer.alloc(1);
