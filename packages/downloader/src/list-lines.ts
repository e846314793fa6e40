import type { Readable } from 'node:stream';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { readLines } from '@mirror/core/io';
import { layoutPath, unknownUrlPath } from '@mirror/core/mirror';
import { splitCredentials } from '@mirror/core/net';
import {
  checkedCrateName,
  checkedCrateVersion,
  isPubtime,
  parseCrateUrl,
  parsedHttpUrl,
  withoutCredentials,
} from '@mirror/core/registry';
import type { CrateId, IndexEntry, Selection } from '@mirror/core/registry';
import { digestOf } from './checksums.ts';
import type { CrateJob } from './fetch/crate-job.ts';

/** What one line of a list asks for. */
export interface ListItem {
  /** From 1. */
  readonly line: number;
  /** Where it goes in the mirror. */
  readonly path: string;
  /** Undefined when the line says that the version is gone. */
  readonly job: CrateJob | undefined;
  /** What the selection can judge: nothing for a URL that names no crate. */
  readonly entry: IndexEntry | undefined;
  /** Whether the line is one of a change feed. */
  readonly isChange: boolean;
}

/** How lines become jobs. */
export interface ListReading {
  readonly layout: Parameters<typeof layoutPath>[0];
  /** The job of a version that a line names without its URL. */
  readonly toJob: (entry: IndexEntry) => CrateJob;
  /** A digest that overrides that of the line. */
  readonly checksumOf: (urls: readonly string[]) => string | undefined;
  /** Versions published after this instant are new, in milliseconds since 1970. */
  readonly newSince: number | undefined;
  readonly selection: Selection;
}

/**
 * The items of a list: URLs; objects with `url`, or with `name` and `vers`, or all three; a digest as `sha256` or `cksum`, a publish time as `pubtime`; lines of a
 * change feed. A name and version decide which crate it is, whatever the URL looks like. Comments and blank lines are nothing; a malformed line is
 * told to `problem`, and the rest is read on.
 */
export async function* readList(
  list: Readable,
  reading: ListReading,
  problem: (message: string) => void,
): AsyncGenerator<ListItem> {
  for await (const { line, text } of readLines(list)) {
    const trimmed = text?.trim();
    if (trimmed === '' || trimmed?.startsWith('#') === true) continue;
    let item: Omit<ListItem, 'line'>;
    try {
      if (trimmed === undefined) throw new MirrorError('ERR_INTEGRITY', 'the line is too long');
      item = itemOf(trimmed, reading);
    } catch (error) {
      problem(`list:${String(line)}: ${messageOf(error)}`);
      continue;
    }
    yield { line, ...item };
  }
}

function itemOf(text: string, reading: ListReading): Omit<ListItem, 'line'> {
  const given = text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : { url: text };
  const cksum = given['sha256'] ?? given['cksum'];
  const digest = digestOf(cksum);
  if (cksum !== undefined && digest === undefined)
    throw new MirrorError('ERR_INTEGRITY', `expected 64 hex digits as digest, found ${shown(cksum)}`);
  const change = given['change'];
  const line: Line = { given, isGone: change === 'removed', isChange: change !== undefined };
  const { url, name, vers } = given;
  const named = typeof name === 'string' && typeof vers === 'string' ? { name, vers } : undefined;
  if (url === undefined && named !== undefined && (line.isGone || digest !== undefined)) {
    const entry = entryOf(named, digest ?? '', given);
    return itemOfVersion(entry, reading.toJob(entry), line, reading);
  }
  if (typeof url !== 'string')
    throw new MirrorError('ERR_INTEGRITY', 'expected a URL, or JSON with url, or with name, vers and cksum');
  if (parsedHttpUrl(url) === undefined)
    throw new MirrorError('ERR_INTEGRITY', `expected an http or https address, found ${shown(url)}`);
  const { address, credentials } = splitCredentials(url);
  const opened = credentials === undefined ? {} : { credentials };
  const crate = named ?? parseCrateUrl(address);
  const sha256 = reading.checksumOf([address]) ?? digest;
  if (crate === undefined) {
    const path = unknownUrlPath(address);
    const job = { urls: [address], path, sha256, name: undefined, vers: undefined, ...opened };
    return { path, entry: undefined, job: line.isGone ? undefined : job, isChange: line.isChange };
  }
  const entry = entryOf(crate, sha256 ?? '', given);
  const path = layoutPath(reading.layout, entry.name, entry.vers);
  const job = { urls: [address], path, sha256: sha256 ?? reading.selection.lockedCksum(crate), ...crate, ...opened };
  return itemOfVersion(entry, job, line, reading);
}

interface Line {
  readonly given: Readonly<Record<string, unknown>>;
  readonly isGone: boolean;
  readonly isChange: boolean;
}

function itemOfVersion(
  entry: IndexEntry,
  job: CrateJob,
  { given, isGone, isChange }: Line,
  reading: ListReading,
): Omit<ListItem, 'line'> {
  const former = digestOf(given['previous_cksum']);
  const known = former === undefined ? job : { ...job, formerSha256: former };
  return { path: job.path, entry, job: isGone ? undefined : withNew(known, isNew(given, reading)), isChange };
}

/** A feed says that a version is new, or a line that it was published lately. */
function isNew(given: Readonly<Record<string, unknown>>, { newSince }: ListReading): boolean {
  const { change, pubtime } = given;
  if (change === 'added' || change === 'replaced') return true;
  return newSince !== undefined && typeof pubtime === 'string' && Date.parse(pubtime) > newSince;
}

/** The job, marked when its version is new. */
export function withNew(job: CrateJob, isFresh: boolean): CrateJob {
  return isFresh ? { ...job, isNew: true } : job;
}

function entryOf(crate: CrateId, cksum: string, given: Readonly<Record<string, unknown>>): IndexEntry {
  const pubtime = given['pubtime'] ?? undefined;
  if (pubtime !== undefined && !isPubtime(pubtime))
    throw new MirrorError('ERR_INTEGRITY', `expected an RFC 3339 time as pubtime, found ${shown(pubtime)}`);
  const name = checkedCrateName(crate.name);
  const vers = checkedCrateVersion(crate.vers);
  const yanked = given['yanked'] === true;
  return { name, vers, cksum, yanked, pubtime, indexPath: '', line: 0 };
}

function shown(value: unknown): string {
  return withoutCredentials(JSON.stringify(value)?.slice(0, 80) ?? 'nothing');
}
