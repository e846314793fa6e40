import { lstatSync, statSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import { silentLog } from '@mirror/core/log';
import type { Log } from '@mirror/core/log';
import { algorithmsNamed } from './algorithms.ts';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import { createAudit } from './audit-report.ts';
import { checkDirectory } from './check-inputs.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome } from './hash-file.ts';
import { hashInOrder } from './hash-in-order.ts';
import { createHashPool } from './hash-pool.ts';
import { inventory } from './inventory.ts';
import { matchTree } from './match-tree.ts';
import type { Match } from './match-tree.ts';
import type { Problem } from './problem.ts';
import { readReport } from './read-report.ts';
import type { ReportEntry, ReportHeader } from './report.ts';
import { verifySignature } from './sign.ts';
import type { Signer } from './sign.ts';
import { tomlTime } from './toml-text.ts';
import { isWithin, systemPath } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** What to check. */
export interface VerifyArchiveOptions {
  readonly report: string;
  /** The directory; by default the one that the report names, beside the report or around it. */
  readonly dir?: string | undefined;
  /** Default `<report>.asc`. */
  readonly signature?: string | undefined;
  /** The key that must have signed; by default the one beside the report, which proves less. */
  readonly publicKey?: string | undefined;
  /** Accept a report without a signature; default false. */
  readonly allowUnsigned?: boolean | undefined;
  /** Compare sizes and times only; nothing is read. Default false. */
  readonly quick?: boolean | undefined;
  /** Names of the algorithms to compare; default all that the report has. */
  readonly algorithms?: readonly string[] | undefined;
  /** Threads; default one for each core. */
  readonly workers?: number | undefined;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each difference, in path order; the check waits for it. */
  readonly onDifference?: ((difference: Difference) => void | Promise<void>) | undefined;
  /** Told when more files are done, many at a time. */
  readonly onProgress?: (() => void) | undefined;
  /** Told when the work begins; `read` can then be asked at any time. */
  readonly onPhase?:
    | ((total: number, read: () => { readonly done: number; readonly bytes: number; readonly failed: number }) => void)
    | undefined;
}

/** Where the directory is not as the report says; the form of a line on stdout. */
export type Difference =
  | { readonly change: 'missing' | 'added'; readonly path: TreePath }
  | {
      readonly change: 'changed';
      readonly path: TreePath;
      /** What differs: `type`, `size`, `modified`, `target`, or the name of the first algorithm whose digest does. */
      readonly what: string;
      readonly expected: string | number;
      readonly found: string | number;
    }
  /** It cannot be said whether it is as the report says. */
  | { readonly change: 'unverified'; readonly path: TreePath; readonly reason: string; readonly detail: string }
  /** The report does not agree with itself, or with the number of directories. */
  | {
      readonly change: 'report';
      readonly what: string;
      readonly expected: string | number;
      readonly found: string | number;
    };

/** What a check has found. */
export interface VerifyArchiveResult {
  readonly dir: string;
  /** Undefined when the report has no signature. */
  readonly signer: Signer | undefined;
  /** Files that are as the report says. */
  readonly verified: number;
  /** How many differences of each kind there are. */
  readonly differences: Readonly<Record<Difference['change'], number>>;
}

/**
 * Check a directory against its report: first the signature, then that the report agrees with itself, then what was added, is
 * missing, or has changed. Needs nothing but the report, its signature and the key. Changes nothing.
 *
 * @throws {MirrorError} ERR_SIGNATURE when the report is not signed by the key, ERR_INTEGRITY when it is not a report
 */
export async function verifyArchive(options: VerifyArchiveOptions): Promise<VerifyArchiveResult> {
  const { log = silentLog, signal, quick = false } = options;
  const signer = await checkSignature(options, log);
  const { header, entries } = await readReport(options.report);
  if (signer !== undefined && signer.fingerprint !== header.signature?.fingerprint) {
    throw new MirrorError(
      'ERR_SIGNATURE',
      `${options.report} is signed by ${signer.fingerprint}, but names ${header.signature?.fingerprint ?? 'no key'}`,
    );
  }
  const algorithms = algorithmsToCompare(header, options.algorithms);
  const dir = options.dir ?? (await findDirectory(options.report, header.directory.name));
  checkDirectory(dir);

  const follow = header.directory.symlinks === 'follow';
  const items = inventory(dir, { symlinks: header.directory.symlinks, exclude: new Set(header.directory.excluded) });
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
    const unlisted: Problem[] = [];
    const matches = matchTree(audit.watch(entries), items, () => (directories += 1));
    const fileOf = (match: Match): TreePath | undefined => (quick ? undefined : fileToHash(match));
    for await (const { items: matched, outcomes } of hashInOrder(matches, fileOf, pool)) {
      for (const [i, match] of matched.entries()) {
        if (match.entry === undefined && match.item?.kind === 'problem' && match.item.reason === 'unreadable')
          unlisted.push(match.item);
        const difference = compare(match, outcomes[i], { header, algorithms, dir, quick, unlisted });
        if (difference !== undefined) await tell(difference);
        else if (match.entry?.kind === 'file') verified += 1;
        if (match.entry?.kind === 'file') done += 1;
      }
      options.onProgress?.();
    }
    for (const difference of audit.findings(unlisted.length === 0 ? directories : undefined)) await tell(difference);
    signal?.throwIfAborted();
    return { dir, signer, verified, differences: counts };
  } finally {
    await pool.close();
  }
}

async function checkSignature(options: VerifyArchiveOptions, log: Log): Promise<Signer | undefined> {
  const { report, signature = `${report}.asc`, publicKey = `${report.replace(/\.toml$/, '')}.pub.asc` } = options;
  if (!(await isFile(report)))
    throw new MirrorError('ERR_IO', `there is no file ${report}, which should be the report`);
  if (!(await isFile(signature))) {
    if (options.allowUnsigned === true) {
      log.warn('the report is not signed: whoever changed the directory could change it too', { report });
      return undefined;
    }
    throw new MirrorError('ERR_SIGNATURE', `there is no signature ${signature}`, {
      hint: '--allow-unsigned accepts the report as it is',
    });
  }
  const signer = await verifySignature(report, signature, publicKey);
  const fields = { fingerprint: signer.fingerprint, signed_at: signer.signedAt.toISOString() };
  log.info('good signature', fields);
  if (options.publicKey === undefined) {
    log.warn(
      'the key lay beside the report: whoever changed the one could change the other; give the key by --pubkey',
      fields,
    );
  }
  return signer;
}

/** What is needed to compare. */
interface Comparison {
  readonly header: ReportHeader;
  readonly algorithms: readonly Algorithm[];
  readonly dir: string;
  readonly quick: boolean;
  /** Directories, so far, that are there but cannot be listed: what is in them is not known. */
  readonly unlisted: readonly Problem[];
}

function compare({ entry, item }: Match, outcome: FileOutcome | undefined, how: Comparison): Difference | undefined {
  if (entry === undefined) {
    const leftOut = item?.kind === 'problem' && how.header.directory.skipped.includes(item.reason);
    if (item === undefined || leftOut) return undefined;
    if (item.kind === 'problem' && item.reason === 'unreadable') return unverified(item.path, item);
    return { change: 'added', path: item.path };
  }
  const { path } = entry;
  if (entry.kind === 'problem') return compareProblem(entry, item);
  if (item === undefined) {
    const within = how.unlisted.find((directory) => isWithin(path, directory.path));
    return within === undefined ? { change: 'missing', path } : unverified(path, within);
  }
  if (item.kind === 'problem') {
    if (item.reason === 'special') return changed(path, 'type', entry.kind, item.detail);
    return unverified(path, item);
  }
  if (entry.kind === 'symlink') {
    if (item.kind !== 'symlink') return changed(path, 'type', 'symlink', item.kind);
    return item.target === entry.target ? undefined : changed(path, 'target', entry.target, item.target);
  }
  if (item.kind !== 'file') return changed(path, 'type', 'file', item.kind);
  if (item.size !== undefined && item.size !== entry.size) return changed(path, 'size', entry.size, item.size);
  if (how.quick) return compareTime(entry, how);
  if (outcome === undefined) throw new Error(`no outcome for ${path}`);
  return compareDigests(entry, outcome, how.algorithms);
}

/** What had no digest then cannot be compared now; but that it is still there, or still a fifo, can. */
function compareProblem(entry: Extract<ReportEntry, { kind: 'problem' }>, item: Match['item']): Difference | undefined {
  const { path, reason } = entry;
  if (reason === 'special' || reason === 'symlink') {
    if (item === undefined) return { change: 'missing', path };
    const found = item.kind === 'problem' ? item.reason : item.kind;
    return found === reason ? undefined : changed(path, 'type', reason, found);
  }
  if (reason === 'vanished' && item === undefined) return undefined;
  return { change: 'unverified', path, reason, detail: 'the report has no digest of it' };
}

function compareTime(
  entry: Extract<ReportEntry, { kind: 'file' }>,
  { dir, header }: Comparison,
): Difference | undefined {
  const file = systemPath(dir, entry.path);
  try {
    const look = header.directory.symlinks === 'follow' ? statSync : lstatSync; // a turn in another thread takes longer
    const { mtimeNs } = look(file, { bigint: true });
    return mtimeNs === entry.modifiedNs
      ? undefined
      : changed(entry.path, 'modified', tomlTime(entry.modifiedNs), tomlTime(mtimeNs));
  } catch (error) {
    const detail = systemCodeOf(error);
    if (detail === undefined) throw error;
    return { change: 'unverified', path: entry.path, reason: 'unreadable', detail };
  }
}

function compareDigests(
  entry: Extract<ReportEntry, { kind: 'file' }>,
  outcome: FileOutcome,
  algorithms: readonly Algorithm[],
): Difference | undefined {
  const { path } = entry;
  if (!isHashed(outcome)) {
    if (outcome.reason === 'vanished') return { change: 'missing', path };
    return unverified(path, outcome);
  }
  if (outcome.size !== entry.size) return changed(path, 'size', entry.size, outcome.size);
  const wrong = algorithms.findIndex(({ name }, i) => entry.hashes.get(name) !== outcome.digests[i]);
  if (wrong === -1) return undefined;
  const { name } = algorithms[wrong]!;
  return changed(path, name, entry.hashes.get(name)!, outcome.digests[wrong]!);
}

function unverified(path: TreePath, { reason, detail }: Pick<Problem, 'reason' | 'detail'>): Difference {
  return { change: 'unverified', path, reason, detail };
}

function changed(path: TreePath, what: string, expected: string | number, found: string | number): Difference {
  return { change: 'changed', path, what, expected, found };
}

/** One of another size has changed, whatever its digests are. */
function fileToHash({ entry, item }: Match): TreePath | undefined {
  return entry?.kind === 'file' && item?.kind === 'file' && item.size === entry.size ? item.path : undefined;
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

/** Whether it can be read, and is no directory. */
async function isFile(file: string): Promise<boolean> {
  return (await exists(file)) && !(await stat(file)).isDirectory();
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
