import { compareVersions, parseVersion } from '@mirror/core';
import type { IndexEntry } from '@mirror/core';

/** What a search needs to know of all crates, as bytes that a thread hands over without a copy: about 40 bytes a crate. */
export interface NameTable {
  readonly crates: number;
  /** The names in lower case, `_` as `-`, sorted; a newline before each and one at the end. */
  readonly folded: Uint8Array;
  /** The same in their own spelling. */
  readonly names: Uint8Array;
  /** Where in `folded` and `names` the name of each crate begins. */
  readonly starts: Uint32Array;
  /** For each crate the version that people mean, a tab, how many there are, a newline. */
  readonly facts: Uint8Array;
  /** Where in `facts` the line of each crate begins, and after it the end of the last one. */
  readonly factStarts: Uint32Array;
}

/** One crate, of which at least one version is shown. */
export interface NamedCrate {
  readonly name: string;
  readonly newest: string;
  readonly versions: number;
}

/** A crate by the versions of it that are shown; undefined when none is. */
export function namedCrate(entries: readonly IndexEntry[]): NamedCrate | undefined {
  const [first] = entries;
  return first === undefined ? undefined : { name: first.name, newest: newestText(entries), versions: entries.length };
}

/** As `newestOf`, in one pass: the newest release that is not yanked, else the newest that is not yanked, else the newest. */
function newestText(entries: readonly IndexEntry[]): string {
  const best: { rank: number; vers: string; parts: ReturnType<typeof parseVersion> } = {
    rank: -1,
    vers: '',
    parts: undefined,
  };
  for (const { vers, yanked } of entries) {
    const parts = parseVersion(vers);
    const rank = yanked ? 0 : parts === undefined || parts.preRelease.length > 0 ? 1 : 2;
    if (rank < best.rank) continue;
    if (
      rank === best.rank &&
      parts !== undefined &&
      best.parts !== undefined &&
      compareVersions(parts, best.parts) <= 0
    )
      continue;
    Object.assign(best, { rank, vers, parts });
  }
  return best.vers;
}

/** The table of `crates`, in any order. */
export function createNameTable(crates: readonly NamedCrate[]): NameTable {
  const sorted = crates
    .map((crate) => ({ crate, key: foldName(crate.name), lower: crate.name.toLowerCase() }))
    .sort((a, b) => (a.lower < b.lower ? -1 : 1));
  const starts = new Uint32Array(sorted.length);
  const factStarts = new Uint32Array(sorted.length + 1);
  let at = 1;
  let factAt = 0;
  sorted.forEach(({ crate }, i) => {
    starts[i] = at;
    at += crate.name.length + 1;
    factStarts[i] = factAt;
    factAt += crate.newest.length + String(crate.versions).length + 2;
  });
  factStarts[sorted.length] = factAt;
  return {
    crates: sorted.length,
    folded: bytesOf(`\n${sorted.map(({ key }) => `${key}\n`).join('')}`),
    names: bytesOf(`\n${sorted.map(({ crate }) => `${crate.name}\n`).join('')}`),
    starts,
    facts: bytesOf(sorted.map(({ crate }) => `${crate.newest}\t${String(crate.versions)}\n`).join('')),
    factStarts,
  };
}

/** The buffers of a table, for a thread that gives it away. */
export function buffersOf(table: NameTable): ArrayBuffer[] {
  const { folded, names, starts, facts, factStarts } = table;
  return [folded, names, starts, facts, factStarts].map(({ buffer }) => buffer as ArrayBuffer);
}

/** The crate in row `n`. */
export function crateAt(table: NameTable, n: number): NamedCrate {
  const begin = table.starts[n]!;
  const end = (table.starts[n + 1] ?? table.names.length) - 1;
  const [newest = '', versions = ''] = textOf(table.facts, table.factStarts[n]!, table.factStarts[n + 1]! - 1).split(
    '\t',
  );
  return { name: textOf(table.names, begin, end), newest, versions: Number(versions) };
}

/** How names are compared: without regard to case, and `-` is `_`. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Names and versions of crates are ASCII. The bytes have a buffer of their own, which can be given away. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  bytes.set(Buffer.from(text, 'latin1'));
  return bytes;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);
}
