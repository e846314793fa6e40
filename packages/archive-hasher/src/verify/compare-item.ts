import { lstatSync, statSync } from 'node:fs';
import { systemCodeOf } from '@mirror/core/errors';
import type { Algorithm } from '../algorithms.ts';
import { isHashed } from '../hash-file.ts';
import type { FileOutcome } from '../hash-file.ts';
import type { Match } from '../match-tree.ts';
import type { Problem } from '../problem.ts';
import type { ReportEntry, ReportHeader } from '../report.ts';
import { tomlTime } from '../toml-text.ts';
import { isWithin, systemPath, targetBytes } from '../tree-path.ts';
import type { TreePath } from '../tree-path.ts';

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

/** What is needed to compare. */
export interface Comparison {
  readonly header: ReportHeader;
  readonly algorithms: readonly Algorithm[];
  readonly dir: string;
  readonly quick: boolean;
  /** Directories, so far, that are there but cannot be listed: what is in them is not known. */
  readonly unlisted: readonly Problem[];
}

/** Where what is there is not as the report says; undefined where it is. */
export function compareItem(
  { entry, item }: Match,
  outcome: FileOutcome | undefined,
  how: Comparison,
): Difference | undefined {
  if (entry === undefined) {
    const { skipped, excludedGlobs } = how.header.directory;
    const isListed = excludedGlobs !== undefined; // reports until 0.1 do not list what was passed over
    const leftOut = !isListed && item?.kind === 'problem' && skipped.includes(item.reason);
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
    return targetBytes(item.target).equals(targetBytes(entry.target))
      ? undefined
      : changed(path, 'target', entry.target, item.target);
  }
  if (item.kind !== 'file') return changed(path, 'type', 'file', item.kind);
  if (item.size !== undefined && item.size !== entry.size) return changed(path, 'size', entry.size, item.size);
  if (how.quick) return compareTime(entry, how);
  if (outcome === undefined) throw new Error(`no outcome for ${path}`);
  return compareDigests(entry, outcome, how.algorithms);
}

/**
 * What had no digest then cannot be compared now; but that it is still there, or still a fifo, can. What was passed over may be gone: an archive does
 * not have it.
 */
function compareProblem(entry: Extract<ReportEntry, { kind: 'problem' }>, item: Match['item']): Difference | undefined {
  const { path, reason, detail, skipped = false } = entry;
  if (item === undefined && (skipped || reason === 'vanished')) return undefined;
  if (reason === 'special' || reason === 'symlink') {
    if (item === undefined) return { change: 'missing', path };
    if (item.kind !== 'problem' || item.reason !== reason)
      return changed(path, 'type', reason, item.kind === 'problem' ? item.reason : item.kind);
    return item.detail === detail ? undefined : changed(path, 'type', detail, item.detail);
  }
  return skipped ? undefined : { change: 'unverified', path, reason, detail: 'the report has no digest of it' };
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

/** The file to hash before a match can be compared. One of another size has changed, whatever its digests are. */
export function fileToHash({ entry, item }: Match): TreePath | undefined {
  return entry?.kind === 'file' && item?.kind === 'file' && item.size === entry.size ? item.path : undefined;
}
