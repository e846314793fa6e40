import type { Random } from './random.ts';

/** Names that everybody depends on; they come first. */
export const POPULAR: readonly string[] = [
  ...[
    'serde',
    'libc',
    'log',
    'rand',
    'syn',
    'quote',
    'proc-macro2',
    'serde_json',
    'tokio',
    'futures',
    'clap',
    'anyhow',
    'thiserror',
  ],
  ...[
    'regex',
    'bitflags',
    'cfg-if',
    'lazy_static',
    'chrono',
    'base64',
    'bytes',
    'uuid',
    'itertools',
    'once_cell',
    'tracing',
    'num-traits',
  ],
  ...[
    'hyper',
    'reqwest',
    'url',
    'toml',
    'tempfile',
    'criterion',
    'proptest',
    'async-trait',
    'parking_lot',
    'indexmap',
    'smallvec',
  ],
  ...[
    'wasm-bindgen',
    'web-sys',
    'winapi',
    'windows-sys',
    'serde_derive',
    'env_logger',
    'sha2',
    'hex',
    'either',
    'memchr',
    'rayon',
    'semver',
  ],
];

/** Draws names as they are on crates.io, none twice: also not in another case or with `-` for `_`. */
export interface NameSource {
  draw(random: Random): string;
  /** Mark a name as taken; false when it is taken already. */
  take(name: string): boolean;
}

/** A source that has given no name yet. */
export function createNameSource(): NameSource {
  const taken = new Set<string>();
  function take(name: string): boolean {
    const canonical = name.toLowerCase().replaceAll('-', '_');
    if (taken.has(canonical)) return false;
    taken.add(canonical);
    return true;
  }
  function draw(random: Random): string {
    for (;;) {
      const name = drawName(random);
      if (take(name)) return name;
    }
  }
  return { draw, take };
}

const ONSETS = [
  ...'bcdfghjklmnprstvwxz',
  '',
  '',
  'st',
  'tr',
  'br',
  'cr',
  'pl',
  'gr',
  'fl',
  'sh',
  'ch',
  'wh',
  'pr',
  'dr',
  'qu',
  'sp',
];
const VOWELS = [...'aeiouaeioy', 'ea', 'ou', 'ee'];
const CODAS = ['', '', '', '', 'n', 'r', 's', 't', 'l', 'm', 'x', 'ck', 'st', 'ng', 'rs', 'd', 'p', 'nt'];
const PREFIXES = [
  'rust',
  'cargo',
  'async',
  'tokio',
  'serde',
  'lib',
  'tiny',
  'easy',
  'git',
  'wasm',
  'bevy',
  'web',
  'aws-sdk',
  'actix',
  'sp',
  'ra_ap',
];
const SUFFIXES = [
  'rs',
  'sys',
  'derive',
  'macros',
  'core',
  'cli',
  'utils',
  'client',
  'api',
  'types',
  'macro',
  'parser',
  'server',
];
const SHORT = 0.012;
const CAPITALS = 0.007;

function drawName(random: Random): string {
  if (random.chance(SHORT)) return shortName(random);
  const separator = random.pick(['-', '-', '-', '_', '_', '']);
  const parts = [drawWord(random)];
  if (random.chance(0.55)) parts.push(drawWord(random));
  if (random.chance(0.3)) parts.unshift(random.pick(PREFIXES));
  if (random.chance(0.35)) parts.push(random.pick(SUFFIXES));
  if (random.chance(0.05)) parts.push(String(random.below(100)));
  const name = parts.join(separator).slice(0, 64);
  return random.chance(CAPITALS) ? name.charAt(0).toUpperCase() + name.slice(1) : name;
}

function shortName(random: Random): string {
  const length = random.pick([1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
  let name = random.pick([...'abcdefghijklmnopqrstuvwxyz']);
  while (name.length < length) name += random.pick([...'abcdefghijklmnopqrstuvwxyz0123456789-_']);
  return name;
}

function drawWord(random: Random): string {
  const syllable = (): string => random.pick(ONSETS) + random.pick(VOWELS) + random.pick(CODAS);
  const word = syllable() + syllable() + (random.chance(0.3) ? syllable() : '');
  return word.length < 3 ? `${word}io` : word;
}
