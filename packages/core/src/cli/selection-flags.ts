import { readFile } from 'node:fs/promises';
import { MirrorError, messageOf } from '../errors.ts';
import type { LockedCrate } from '../registry/cargo-lock.ts';
import { parsePartition } from '../registry/parse-partition.ts';
import type { Partition } from '../registry/parse-partition.ts';
import { parsePublishTime } from '../registry/publish-time.ts';
import type { SelectionOptions } from '../registry/selection.ts';
import type { WithoutPubtime } from '../registry/selection/publish-time-test.ts';
import { flag } from './flags.ts';
import type { Flag, FlagValues } from './flags.ts';

const group = 'Selection:';

/** The flags that choose among the versions of an index; every tool that reads one has them. */
export const selectionFlags: SelectionFlags = {
  'include-yanked': flag.boolean({ group, describe: 'yanked versions too, which lock files may need', default: true }),
  limit: flag.number({ group, describe: 'at most N versions, the first in index order; 0 means all', default: '0' }),
  crates: namesFlag({
    group,
    describe: 'only these: names, globs, semver requirements (a,b*,serde@^1), or a file of them',
  }),
  exclude: namesFlag({ group, describe: 'not these: as --crates' }),
  'cargo-lock': namesFlag({
    group,
    value: 'FILE',
    describe: 'exactly what these Cargo.lock files pin, besides --crates',
  }),
  latest: flag.number({ group, describe: 'of each crate the newest N versions by semver; 0 means all', default: '0' }),
  'published-before': flag.parsed({
    group,
    value: 'TIME',
    describe: 'only versions older than an age (7d) or a date',
    parse: time,
  }),
  'published-after': flag.parsed({
    group,
    value: 'TIME',
    describe: 'only versions younger than an age (7d) or a date',
    parse: time,
  }),
  'without-pubtime': flag.choice({
    group,
    describe: 'versions whose publish time is asked about and not known; auto hides those of a list',
    choices: ['auto', 'hide', 'show'],
    default: 'auto',
  }),
  partition: flag.parsed({
    group,
    value: 'I/N',
    describe: 'only part I of N, by a stable hash of the name',
    parse: parsePartition,
  }),
};

/** A list that must not be empty when it is given: nothing asked for, as of an unset variable in a script, would mean everything. */
function namesFlag(options: Parameters<typeof flag.list>[0]): Flag<readonly string[]> {
  const list = flag.list(options);
  return {
    ...list,
    parse(text, parts) {
      const names = list.parse(text, parts);
      if (names.length > 0) return names;
      throw new MirrorError('ERR_USAGE', 'expected a name or a file, found nothing');
    },
  };
}

/** The type of the table, so that its values stay typed. */
export type SelectionFlags = {
  readonly 'include-yanked': Flag<boolean>;
  readonly limit: Flag<number>;
  readonly crates: Flag<readonly string[]>;
  readonly exclude: Flag<readonly string[]>;
  readonly 'cargo-lock': Flag<readonly string[]>;
  readonly latest: Flag<number>;
  readonly 'published-before': Flag<number | undefined>;
  readonly 'published-after': Flag<number | undefined>;
  readonly 'without-pubtime': Flag<WithoutPubtime>;
  readonly partition: Flag<Partition | undefined>;
};

/**
 * The selection that the flags describe, with the files they name read in.
 *
 * @param onElsewhere - told of packages in a Cargo.lock that are not from crates.io
 * @throws {MirrorError} ERR_CONFIG when a file cannot be read or is not what it should be
 */
export async function readSelection(
  values: FlagValues<SelectionFlags>,
  onElsewhere: (what: readonly string[]) => void,
): Promise<SelectionOptions> {
  const crates = await patterns(values.crates);
  const exclude = await patterns(values.exclude);
  return {
    includeYanked: values.includeYanked,
    limit: values.limit === 0 ? undefined : values.limit,
    crates: crates.length === 0 ? undefined : crates,
    exclude: exclude.length === 0 ? undefined : exclude,
    locked: values.cargoLock.length === 0 ? undefined : await locked(values.cargoLock, onElsewhere),
    latest: values.latest === 0 ? undefined : values.latest,
    publishedBefore: values.publishedBefore,
    publishedAfter: values.publishedAfter,
    withoutPubtime: values.withoutPubtime,
    partition: values.partition,
  };
}

/** A name has no dot and no slash: what has one, and is no requirement, is a file. */
async function patterns(parts: readonly string[]): Promise<readonly string[]> {
  // loaded on first use, as all that --help can do without
  const { patternLines } = await import('../registry/crate-pattern.ts');
  const lists = parts.map(async (part) => {
    if (part.includes('@') || !/[./\\]/.test(part)) return [part];
    const lines = patternLines(await read(part));
    // nothing asked for would mean everything
    if (lines.length === 0) throw new MirrorError('ERR_CONFIG', `${part}: expected names of crates, found none`);
    return lines;
  });
  return (await Promise.all(lists)).flat();
}

async function locked(
  files: readonly string[],
  onElsewhere: (what: readonly string[]) => void,
): Promise<readonly LockedCrate[]> {
  const { parseCargoLock } = await import('../registry/cargo-lock.ts');
  const locks = await Promise.all(files.map(async (file) => parseCargoLock(await read(file), file)));
  const elsewhere = locks.flatMap((lock) => lock.elsewhere);
  if (elsewhere.length > 0) onElsewhere(elsewhere);
  return locks.flatMap((lock) => lock.crates);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new MirrorError('ERR_CONFIG', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function time(text: string): number {
  return parsePublishTime(text, Date.now());
}
