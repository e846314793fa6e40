import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A line of an index file while it is being changed. */
export interface IndexLine {
  readonly name: string;
  readonly vers: string;
  cksum: string;
  yanked: boolean;
  /** The line as it stands, without its end. */
  raw: string;
  /** Whether it has changed already. */
  isTouched: boolean;
}

/** The files of an index, read when they are needed and written when all is done. */
export interface IndexFiles {
  /** Paths of the files at the start, sorted. */
  readonly paths: readonly string[];
  /** The lines of a file; empty for one that is not there. To change them is to change the file. */
  lines(indexPath: string): IndexLine[];
  /** Write every file that was read; one without lines is removed. */
  write(): void;
}

const LAYOUT = /^([12]\/[^/]+|3\/[^/]\/[^/]+|[^./][^/]\/[^/]{2}\/[^/]+)$/;

/** The files of the index in `dir`; whatever is not in the index layout is passed over. */
export function createIndexFiles(dir: string): IndexFiles {
  const found = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((file) => file.split(path.sep).join('/'));
  const folders = new Set(found.map((file) => path.posix.dirname(file)));
  const paths = found.filter((file) => LAYOUT.test(file) && !folders.has(file)).sort();
  const present = new Set(paths);
  const open = new Map<string, IndexLine[]>();

  function lines(indexPath: string): IndexLine[] {
    const known = open.get(indexPath);
    if (known !== undefined) return known;
    const text = present.has(indexPath) ? readFileSync(path.join(dir, indexPath), 'utf8') : '';
    const parsed = text
      .split('\n')
      .filter((line) => line !== '')
      .map(parseLine);
    open.set(indexPath, parsed);
    return parsed;
  }
  function write(): void {
    for (const [indexPath, rest] of open) {
      const file = path.join(dir, indexPath);
      if (rest.length === 0) rmSync(file, { force: true });
      else save(file, rest);
    }
  }
  return { paths, lines, write };
}

/** A line as read from a file; the fields are taken from the JSON, the text is kept. */
export function parseLine(raw: string): IndexLine {
  const { name, vers, cksum, yanked } = JSON.parse(raw) as {
    name: string;
    vers: string;
    cksum: string;
    yanked: boolean;
  };
  return { name, vers, cksum, yanked, raw, isTouched: false };
}

function save(file: string, rest: readonly IndexLine[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, rest.map((line) => `${line.raw}\n`).join(''));
}
