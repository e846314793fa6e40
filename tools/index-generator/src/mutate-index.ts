import { createIndexFiles, parseLine } from './index-files.ts';
import type { IndexFiles, IndexLine } from './index-files.ts';
import { indexPath } from './index-path.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

/** What becomes of an index. */
export interface MutateOptions {
  /** The folder of the index; it is changed. */
  readonly dir: string;
  /** How many versions change; fewer only when the index is too small for so many. */
  readonly changes: number;
  /** Default `1`. */
  readonly seed?: string;
}

/** One version that is not as it was. */
export interface IndexChange {
  /**
   * `added` (also in a new crate), `yanked`, `unyanked`, `removed` (the line, and with the last one the file), `replaced`
   * (another cksum), `updated` (anything else: here a pubtime that is filled in).
   */
  readonly change: 'added' | 'yanked' | 'unyanked' | 'removed' | 'replaced' | 'updated';
  readonly name: string;
  readonly vers: string;
  /** As it is now; of a removed version, as it was. */
  readonly cksum: string;
  readonly yanked: boolean;
}

/**
 * Change versions of the index in `dir` at random, each at most once, and return the changes sorted by index path and
 * version. The same index, seed and number give the same result. Lines that do not change keep their bytes and order.
 */
export function mutateIndex(options: MutateOptions): IndexChange[] {
  const { dir, changes: wanted, seed = '1' } = options;
  const random = createRandom(`${seed} mutate`, wanted);
  const files = createIndexFiles(dir);
  const changes: IndexChange[] = [];
  // In a small index most draws fall on lines that have changed already.
  for (let tries = 0; changes.length < wanted && tries < 100 * wanted + 1_000; tries += 1) {
    changes.push(...drawChanges({ random, files, room: wanted - changes.length, serial: `${seed}-${tries}` }));
  }
  files.write();
  return changes.sort(byPath);
}

/** What one change is drawn from. */
export interface Draw {
  readonly random: Random;
  readonly files: IndexFiles;
  /** How many changes may still be made. */
  readonly room: number;
  /** Unique within the run. */
  readonly serial: string;
}

/** Makes its changes in the files and reports them; none when the draw does not allow it. */
type Mutation = (draw: Draw) => IndexChange[];

/** Mutations with their weights, roughly those of a day on crates.io, the rare ones made less rare. */
const MUTATIONS: readonly (readonly [weight: number, mutation: Mutation])[] = [
  [45, addVersion],
  [15, addCrate],
  [10, setYanked(true)],
  [10, setYanked(false)],
  [10, fillPubtime],
  [4, replaceFile],
  [4, removeVersion],
  [2, removeCrate],
];

/** Change one file as its publisher might, and return its changes; none when what was drawn does not fit the file. */
export function drawChanges(draw: Draw): IndexChange[] {
  return drawMutation(draw.random)(draw);
}

function drawMutation(random: Random): Mutation {
  const total = MUTATIONS.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.below(total);
  return MUTATIONS.find(([weight]) => (left -= weight) < 0)![1];
}

function addVersion({ random, files }: Draw): IndexChange[] {
  const lines = drawFile(random, files);
  const last = lines.at(-1);
  if (last === undefined) return [];
  const vers = nextVersion(last.vers, new Set(lines.map((line) => line.vers)));
  const cksum = random.digest();
  const raw = last.raw.replace(JSON.stringify(last.vers), JSON.stringify(vers)).replace(last.cksum, cksum);
  const line = withYanked(parseLine(raw), random.chance(0.1));
  lines.push(line);
  return [touch(line, 'added')];
}

function addCrate({ random, files, serial }: Draw): IndexChange[] {
  const name = `newcomer-${serial}`.slice(0, 64);
  const lines = files.lines(indexPath(name));
  if (lines.length > 0) return [];
  const line = parseLine(
    `{"name":"${name}","vers":"0.1.0","deps":[],"cksum":"${random.digest()}","features":{},"yanked":false}`,
  );
  lines.push(line);
  return [touch(line, 'added')];
}

function setYanked(yanked: boolean): Mutation {
  return ({ random, files }) => {
    const line = drawLine(random, drawFile(random, files), (candidate) => candidate.yanked !== yanked);
    return line === undefined ? [] : [touch(withYanked(line, yanked), yanked ? 'yanked' : 'unyanked')];
  };
}

function fillPubtime({ random, files }: Draw): IndexChange[] {
  const line = drawLine(random, drawFile(random, files), (candidate) => !candidate.raw.includes('"pubtime":'));
  if (line === undefined) return [];
  const time = new Date(Date.UTC(2015, 4, 15) + random.below(3_650 * 86_400) * 1_000).toISOString().slice(0, 19);
  line.raw = line.raw.replace(/(,"v":\d+)?\}$/, (end) => `,"pubtime":"${time}Z"${end}`);
  return [touch(line, 'updated')];
}

function replaceFile({ random, files }: Draw): IndexChange[] {
  const line = drawLine(random, drawFile(random, files));
  if (line === undefined) return [];
  const cksum = random.digest();
  line.raw = line.raw.replace(line.cksum, cksum);
  line.cksum = cksum;
  return [touch(line, 'replaced')];
}

function removeVersion({ random, files }: Draw): IndexChange[] {
  const lines = drawFile(random, files);
  const line = drawLine(random, lines);
  if (line === undefined) return [];
  lines.splice(lines.indexOf(line), 1);
  return [touch(line, 'removed')];
}

function removeCrate({ random, files, room }: Draw): IndexChange[] {
  const lines = drawFile(random, files);
  if (lines.length > Math.min(room, 5) || lines.some((line) => line.isTouched)) return [];
  return lines.splice(0).map((line) => touch(line, 'removed'));
}

/** The lines of one of the files; none when a removal has emptied it. */
function drawFile(random: Random, files: IndexFiles): IndexLine[] {
  return files.paths.length === 0 ? [] : files.lines(random.pick(files.paths));
}

function drawLine(
  random: Random,
  lines: readonly IndexLine[],
  isFit: (line: IndexLine) => boolean = () => true,
): IndexLine | undefined {
  const fit = lines.filter((line) => !line.isTouched && isFit(line));
  return fit.length === 0 ? undefined : random.pick(fit);
}

function touch(line: IndexLine, change: IndexChange['change']): IndexChange {
  line.isTouched = true;
  return { change, name: line.name, vers: line.vers, cksum: line.cksum, yanked: line.yanked };
}

// These characters cannot stand inside a string of the line, nor in `features`, whose values are lists.
function withYanked(line: IndexLine, yanked: boolean): IndexLine {
  line.raw = line.raw.replace(/,"yanked":(true|false)/, `,"yanked":${yanked}`);
  line.yanked = yanked;
  return line;
}

function nextVersion(vers: string, taken: ReadonlySet<string>): string {
  const [, major = '0', minor = '0', patch = '0'] = /^(\d+)\.(\d+)\.(\d+)/.exec(vers) ?? [];
  let next = BigInt(patch) + 1n;
  while (taken.has(`${major}.${minor}.${next}`)) next += 1n;
  return `${major}.${minor}.${next}`;
}

function byPath(a: IndexChange, b: IndexChange): number {
  const [left, right] = [`${indexPath(a.name)} ${a.vers}`, `${indexPath(b.name)} ${b.vers}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
