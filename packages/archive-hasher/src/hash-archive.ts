import { existsSync, rmSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { acquireLock } from '@mirror/core/lock';
import { silentLog } from '@mirror/core/log';
import type { Log } from '@mirror/core/log';
import { ALGORITHMS } from './algorithms.ts';
import { checkInputs } from './check-inputs.ts';
import { identityOf } from './hash-file.ts';
import type { HashArchiveOptions } from './hash-options.ts';
import { createHashPool } from './hash-pool.ts';
import type { HashPool } from './hash-pool.ts';
import { hashTree } from './hash-tree.ts';
import type { FoundTree } from './hash-tree.ts';
import type { OutputFiles, OwnFiles } from './output-files.ts';
import type { ArchiveKind } from './pack-archive.ts';
import { packOutputs } from './pack-outputs.ts';
import type { ProblemCounts } from './problem-policy.ts';
import { checkEarlierEvidence } from './publish/earlier-evidence.ts';
import { createStage, finishPublishing } from './publish/stage.ts';
import type { Stage } from './publish/stage.ts';
import type { ReportHeader } from './report.ts';
import { writing } from './writing.ts';

/** What a run has found and made. */
export interface HashArchiveResult {
  readonly header: ReportHeader;
  readonly outputs: Pick<OutputFiles, 'report' | 'archive' | 'archiveSignature'> & {
    readonly signature: string | undefined;
    readonly publicKey: string | undefined;
    readonly listings: readonly string[];
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
 * Hash every file of a directory, write the report, sign it, and pack the directory. All outputs get their names in one step at
 * the end: a run that fails or is killed leaves earlier evidence as it was. When only the archive fails, the report is published without it
 * before the error is thrown.
 *
 * @throws {MirrorError} ERR_USAGE for options that make no sense, or when a name of an output is taken; ERR_LOCKED when another run has the
 * same outputs; ERR_IO for a problem whose policy is `fail`, or an output that cannot be written
 */
export async function hashArchive(options: HashArchiveOptions): Promise<HashArchiveResult> {
  const { archive = 'zip', signal, replace = false, log = silentLog } = options;
  const { dir, outputs, own } = checkInputs(options);
  const outDir = path.dirname(outputs.report);
  const lock = acquireLock(own.lock, 'mirror-archive-hasher hash'); // makes the directory of the outputs too
  try {
    signal?.throwIfAborted();
    if (await finishPublishing(outDir, own))
      log.warn('published what an earlier run had finished when it was ended', { directory: outDir });
    if (existsSync(path.join(dir, '.mirror', 'lock')))
      log.warn(
        'another tool works on the directory, or was ended: what it writes meanwhile can be missing or changed',
        { dir },
      );
    const earlier = await checkEarlierEvidence(outputs, replace);
    tellArchives(outputs, earlier, log);
    const stage = createStage(outDir, own);
    try {
      return await run({ ...options, dir, archive, replace }, { outputs, own, stage, earlier });
    } finally {
      stage.discard();
    }
  } finally {
    lock.release();
  }
}

type Run = HashArchiveOptions & { readonly archive: ArchiveKind | 'none'; readonly replace: boolean };

/** Where a run writes. */
interface Place {
  readonly outputs: OutputFiles;
  readonly own: OwnFiles;
  readonly stage: Stage;
  /** Names of outputs that are taken by earlier evidence. */
  readonly earlier: readonly string[];
}

async function run(options: Run, place: Place): Promise<HashArchiveResult> {
  const { algorithms = ALGORITHMS, signal, signingKey } = options;
  const { outputs, stage } = place;
  const pool = createHashPool({
    algorithms,
    read: {
      root: options.dir,
      follow: options.symlinks === 'follow',
      retries: options.retries ?? 2,
      secrets: options.secrets?.map((file) => identityOf(statSync(file, { bigint: true }))),
    },
    engine: options.engine,
    workers: options.workers,
    signal: options.signal,
  });
  try {
    const found = await hashTree(options, algorithms, place, pool);
    const made = [outputs.report, ...outputs.listings.map(({ file }) => file)];
    const beside = [outputs.report];
    if (signingKey !== undefined) {
      await writeSynced(stage, outputs.signature, await signingKey.sign(stage.at(outputs.report)));
      await writeSynced(stage, outputs.publicKey, signingKey.publicKey);
      beside.push(outputs.signature, outputs.publicKey);
      made.push(outputs.signature, outputs.publicKey);
    }
    signal?.throwIfAborted();
    const packed = await pack(options, place, beside, found, pool);
    if (packed !== undefined) made.push(...packed.made);
    await stage.publish(obsoleteOf(place, made), options.replace);
    if (packed?.failure !== undefined) throw packed.failure;
    const has = (file: string | undefined): string | undefined => made.find((each) => each === file);
    return {
      header: found.header,
      outputs: {
        report: outputs.report,
        archive: has(outputs.archive),
        archiveSignature: has(outputs.archiveSignature),
        signature: has(outputs.signature),
        publicKey: has(outputs.publicKey),
        listings: outputs.listings.map(({ file }) => file),
      },
      symlinks: found.symlinks,
      failed: found.failed + (packed?.failed ?? 0),
      skipped: found.skipped + (packed?.skipped ?? 0),
      archived: packed?.members,
    };
  } finally {
    await pool.close();
  }
}

/** What became of the archive. */
type Packed = ProblemCounts & {
  readonly made: readonly string[];
  readonly members: number | undefined;
  /** Why there is none; the report is whole without it. */
  readonly failure?: MirrorError;
};

async function pack(
  options: Run,
  { outputs, stage }: Place,
  made: readonly string[],
  found: FoundTree,
  pool: HashPool,
): Promise<Packed | undefined> {
  const { archive, archiveSignature } = outputs;
  const { archive: kind, signingKey } = options;
  if (archive === undefined || archiveSignature === undefined || kind === 'none') return undefined;
  try {
    const packed = await packOutputs(options, { kind, archive, stage, made, found, pool });
    if (signingKey === undefined) return { ...packed, made: [archive] };
    await writeSynced(stage, archiveSignature, await signingKey.sign(stage.at(archive)));
    return { ...packed, made: [archive, archiveSignature] };
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_IO' || error.hint?.startsWith('--on-') === true)
      throw error;
    options.signal?.throwIfAborted();
    for (const file of [archive, archiveSignature]) rmSync(stage.at(file), { force: true });
    const failure = new MirrorError('ERR_IO', `${messageOf(error)}; the report is published without an archive`, {
      cause: error,
      hint: error.hint ?? 'free the room, or write to another disk by --out-dir',
    });
    return { failed: 0, skipped: 0, made: [], members: undefined, failure };
  }
}

/** A signature of an earlier report would accuse an unsigned one, and that of an earlier archive a new one. */
function obsoleteOf({ outputs, earlier }: Place, made: readonly string[]): readonly string[] {
  const kept = made.includes(outputs.archive ?? '') ? [] : [outputs.archive, outputs.archiveSignature];
  return earlier.filter((file) => !made.includes(file) && !kept.includes(file));
}

/** An archive with its own report and signature is evidence by itself, which nobody has asked to replace. */
function tellArchives({ report, archive }: OutputFiles, earlier: readonly string[], log: Log): void {
  if (!earlier.includes(report)) return;
  for (const ending of ['zip', 'tar']) {
    const file = report.replace(/toml$/, ending);
    if (file !== archive && existsSync(file))
      log.warn('the archive beside the report is of an earlier run, and stays', { archive: file });
  }
}

function writeSynced(stage: Stage, file: string, text: string): Promise<void> {
  return writing(file, writeFile(stage.at(file), text, { flush: true, flag: 'wx' }));
}
