import type { CrateText } from './crate-text.ts';
import { crateText } from './crate-text.ts';
import type { Random } from './random.ts';

/** The extremes of the crates.io index of February 2025. */
export const EXTREMES = {
  /** Most versions in a file. */
  versions: 1_224,
  /** Longest line in bytes, without its end. */
  lineBytes: 401_034,
  /** Longest file in bytes. */
  fileBytes: 3_839_871,
  nameLength: 64,
  versionLength: 147,
} as const;

/** A planted crate. */
export interface ExtremeCrate {
  readonly name: string;
  make(random: Random): CrateText;
}

/** One crate for each extreme. */
export const EXTREME_CRATES: readonly ExtremeCrate[] = [
  {
    name: 'most-versions',
    make: (random) => crateText(random, 'most-versions', { versions: EXTREMES.versions, dependencies: 4, features: 2 }),
  },
  { name: 'longest-line', make: () => fromLines([paddedLine('longest-line', '0.1.0', EXTREMES.lineBytes)]) },
  { name: 'longest-file', make: () => fromLines(longestFile('longest-file')) },
  {
    name: 'longest-name-'.padEnd(EXTREMES.nameLength, 'x'),
    make: (random) => plain(random, 'longest-name-'.padEnd(EXTREMES.nameLength, 'x')),
  },
  {
    name: 'longest-version',
    make: () => fromLines([paddedLine('longest-version', '1.0.0-long.'.padEnd(EXTREMES.versionLength, '9'), 500)]),
  },
];

function plain(random: Random, name: string): CrateText {
  return crateText(random, name, { versions: 2, dependencies: 1, features: 0 });
}

function longestFile(name: string): string[] {
  const count = 200;
  const each = Math.floor(EXTREMES.fileBytes / count);
  const sizes = Array.from({ length: count }, (_, index) =>
    index === 0 ? EXTREMES.fileBytes - each * (count - 1) : each,
  );
  return sizes.map((size, index) => paddedLine(name, `0.${index}.0`, size - 1));
}

/** A line of exactly `bytes` bytes: its one feature needs as many others as it takes. */
function paddedLine(name: string, vers: string, bytes: number): string {
  const before = `{"name":"${name}","vers":"${vers}","deps":[],"cksum":"${'0123456789abcdef'.repeat(4)}","features":{"all":["`;
  const after = '"]},"yanked":false}';
  const filler = 'peripheral","'.repeat(Math.ceil(bytes / 13)).slice(0, bytes - before.length - after.length);
  return before + filler.replace(/[",]{1,3}$/, (end) => 'x'.repeat(end.length)) + after;
}

function fromLines(lines: readonly string[]): CrateText {
  const text = lines.map((line) => `${line}\n`).join('');
  const longestLine = Math.max(...lines.map((line) => line.length));
  return { text, versions: lines.length, yanked: 0, plus: 0, v2: 0, longestLine };
}
