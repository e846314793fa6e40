import { MirrorError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { silentLog } from '../../log.ts';
import type { Log } from '../../log.ts';
import { locateIndexSource, openIndexSource } from '../index-source.ts';
import type { SelectionFindings } from '../selection.ts';
import { sumOfLeftOut } from './left-out.ts';
import type { LeftOut } from './left-out.ts';
import { nearestName } from './nearest-name.ts';

/** What the summaries of all tools say of a selection. */
export interface SelectionCounts {
  /** Names, patterns and pins that met nothing. */
  readonly unmatched: number;
  /** Pins whose checksum is another one in the index. */
  readonly mismatched: number;
  /** Versions taken although a publish time was asked about and theirs is not known. */
  readonly without_pubtime: number;
  readonly left_out: Readonly<LeftOut>;
}

/** Why a command does not end with status 0. */
export interface SelectionFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The numbers of a selection for a summary. */
export function selectionCounts(findings: SelectionFindings): SelectionCounts {
  const { unmatched, mismatched, undated, leftOut } = findings;
  return {
    unmatched: unmatched.length,
    mismatched: mismatched.length,
    without_pubtime: undated,
    left_out: { ...leftOut },
  };
}

/**
 * Whether a selection got what it asked for, told in the log item by item: the one rule of all tools. A pin with another checksum is
 * ERR_INTEGRITY, with both digests; a name, pattern or pin that met nothing is ERR_PARTIAL, told with the nearest name of the index;
 * and so is a choice of nothing where something was asked for by name.
 *
 * @param indexDir - where nearest names are looked for; without it none are told
 */
export function judgeSelection(
  findings: SelectionFindings,
  { indexDir, log = silentLog }: { readonly indexDir?: string | undefined; readonly log?: Log | undefined },
): SelectionFailure | undefined {
  const { unmatched, mismatched, undated, taken, leftOut, asksForSome } = findings;
  if (undated > 0)
    log.warn('versions without a publish time count as old', {
      versions: undated,
      hint: '--without-pubtime hide leaves them out',
    });
  if (leftOut.without_pubtime > 0)
    log.warn('versions without a publish time were left out', {
      versions: leftOut.without_pubtime,
      hint: '--without-pubtime show takes them',
    });
  for (const { name: crate, vers: version, locked, found } of mismatched)
    log.error('the lock pins another checksum than the index has', { crate, version, locked, index: found });
  tellUnmatched(unmatched, indexDir, log);
  const [first] = mismatched;
  if (first !== undefined) {
    const { name, vers, locked, found } = first;
    const message = `${name} ${vers}: the lock pins sha256 ${locked}, the index has ${found}${more(mismatched.length - 1)}`;
    return { code: 'ERR_INTEGRITY', message };
  }
  if (unmatched.length > 0) {
    const message = `not in the index: ${unmatched.slice(0, NAMED).join(', ')}${more(unmatched.length - NAMED)}`;
    return { code: 'ERR_PARTIAL', message };
  }
  if (taken > 0 || !asksForSome) return undefined;
  return { code: 'ERR_PARTIAL', message: `the selection chooses nothing${reasons(leftOut)}` };
}

/** What a selection met in a change feed: it lacks what did not change, so that what is not in it is no failure. */
export function forFeed(findings: SelectionFindings): SelectionFindings {
  return { ...findings, unmatched: [], asksForSome: false };
}

/** The worse of two failures, in the words of both where they say the same status. */
export function worseFailure(
  a: SelectionFailure | undefined,
  b: SelectionFailure | undefined,
): SelectionFailure | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.code === b.code) return { code: a.code, message: `${a.message}; ${b.message}` };
  return a.code === 'ERR_PARTIAL' ? b : a;
}

/** The findings of a run in several threads, of which each saw a part of the crates; undefined when there was none. */
export function joinFindings(all: readonly SelectionFindings[]): SelectionFindings | undefined {
  return all.reduce<SelectionFindings | undefined>((sum, each) => {
    if (sum === undefined) return each;
    const others = new Set(each.unmatched);
    return {
      taken: sum.taken + each.taken,
      unmatched: sum.unmatched.filter((pattern) => others.has(pattern)),
      mismatched: [...sum.mismatched, ...each.mismatched],
      undated: sum.undated + each.undated,
      leftOut: sumOfLeftOut(sum.leftOut, each.leftOut),
      asksForSome: sum.asksForSome,
    };
  }, undefined);
}

function tellUnmatched(unmatched: readonly string[], indexDir: string | undefined, log: Log): void {
  let names: readonly string[] | undefined;
  unmatched.forEach((asked, i) => {
    const [name = ''] = asked.split(/[@ ]/, 1);
    const isGlob = /[*?[]/.test(name);
    if (indexDir !== undefined && !isGlob && i < NEAREST_LOOKED_FOR) names ??= namesIn(indexDir);
    const nearest = names === undefined || isGlob || i >= NEAREST_LOOKED_FOR ? undefined : nearestName(name, names);
    const isThere = nearest === name.toLowerCase();
    if (isThere) log.warn('the crate is in the index, such a version is not', { asked });
    else log.warn('not in the index', { asked, ...(nearest === undefined ? {} : { nearest }) });
  });
}

/** The names of all crates, in lower case; none when the index cannot be read, which others tell. */
function namesIn(indexDir: string): readonly string[] {
  try {
    const source = openIndexSource(locateIndexSource(indexDir));
    return source
      .folders()
      .flatMap((folder) => source.list(folder).indexPaths.map((file) => file.slice(file.lastIndexOf('/') + 1)));
  } catch (error) {
    if (error instanceof MirrorError || (error as { code?: unknown }).code !== undefined) return [];
    throw error;
  }
}

function more(count: number): string {
  return count > 0 ? ` and ${String(count)} more` : '';
}

function reasons(leftOut: Readonly<LeftOut>): string {
  const some = Object.entries(leftOut).filter(([, count]) => count > 0);
  return some.length === 0 ? '' : `; left out: ${some.map(([reason, count]) => `${count} ${reason}`).join(', ')}`;
}

/** So many are named in the message; the log names each. */
const NAMED = 5;
/** A search goes through all names of the index. */
const NEAREST_LOOKED_FOR = 50;
