import { parse as parseToml } from 'smol-toml';
import { MirrorError, messageOf } from '../errors.ts';
import type { CrateId } from './crate-file.ts';
import { isCrateName } from './crate-name.ts';
import { isCrateVersion } from './crate-version.ts';
import { quoted, shown } from './quoted.ts';

/** A crate version that a Cargo.lock pins. */
export interface LockedCrate extends CrateId {
  /** SHA-256 that the lock promises, lower-case hex; undefined when it says none. */
  readonly cksum: string | undefined;
}

/** What a Cargo.lock asks of crates.io. */
export interface CargoLock {
  /** In the order of the file. */
  readonly crates: readonly LockedCrate[];
  /** Packages from elsewhere (git, other registries), as `name version (source)`: a mirror of crates.io has them not. */
  readonly elsewhere: readonly string[];
}

/**
 * What the Cargo.lock with this text pins, in all formats of cargo up to 4. Packages of the workspace itself, which have no
 * source, are left out.
 *
 * @param file - its name, for errors
 * @throws {MirrorError} ERR_CONFIG when it is no Cargo.lock, or of a later format
 * @see https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html
 */
export function parseCargoLock(text: string, file: string): CargoLock {
  const lock = parseTable(text, file);
  const format = lock['version'] ?? 2;
  if (typeof format !== 'number' || !KNOWN_FORMATS.includes(format)) {
    throw wrong(file, `expected a lock file of format 1 to 4, found version ${shown(format)}`);
  }
  const packages = lock['package'] ?? [];
  if (!Array.isArray(packages)) throw wrong(file, 'expected a list of packages');
  const sums = isTable(lock['metadata']) ? lock['metadata'] : {};
  const crates: LockedCrate[] = [];
  const elsewhere: string[] = [];
  for (const entry of packages.map((value) => checkedPackage(value, file))) {
    const { name, vers, source } = entry;
    if (source === undefined) continue;
    if (!CRATES_IO_SOURCES.includes(source)) elsewhere.push(`${name} ${vers} (${source})`);
    // The first format keeps the checksums in a table at the end.
    else
      crates.push({
        name,
        vers,
        cksum: checkedCksum(entry.checksum ?? sums[`checksum ${name} ${vers} (${source})`], entry, file),
      });
  }
  return { crates, elsewhere };
}

const KNOWN_FORMATS: readonly number[] = [1, 2, 3, 4];

const CRATES_IO_SOURCES: readonly string[] = [
  'registry+https://github.com/rust-lang/crates.io-index',
  'sparse+https://index.crates.io/',
];

type Table = Readonly<Record<string, unknown>>;

interface LockPackage extends CrateId {
  readonly source: string | undefined;
  readonly checksum: unknown;
}

function parseTable(text: string, file: string): Table {
  try {
    return parseToml(text);
  } catch (cause) {
    const [firstLine = ''] = messageOf(cause).split('\n');
    throw wrong(file, `expected TOML: ${firstLine}`, cause);
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkedPackage(value: unknown, file: string): LockPackage {
  const { name, version, source, checksum } = isTable(value) ? value : {};
  if (typeof name !== 'string' || typeof version !== 'string' || (source !== undefined && typeof source !== 'string')) {
    throw wrong(file, `expected packages with name and version, found ${shown(name)} and ${shown(version)}`);
  }
  // Packages from elsewhere may be called as they like: they are only shown.
  if (source !== undefined && !CRATES_IO_SOURCES.includes(source)) {
    return { name: quoted(name), vers: quoted(version), source: quoted(source), checksum };
  }
  if (!isCrateName(name)) throw wrong(file, `expected a crate name, found ${quoted(name)}`);
  if (!isCrateVersion(version)) throw wrong(file, `${name}: expected a semantic version, found ${quoted(version)}`);
  return { name, vers: version, source, checksum };
}

function checkedCksum(value: unknown, { name, vers }: CrateId, file: string): string | undefined {
  if (value === undefined || value === '<none>') return undefined;
  if (typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw wrong(file, `${name} ${vers}: expected a checksum of 64 hex digits, found ${shown(value)}`);
}

function wrong(file: string, message: string, cause?: unknown): MirrorError {
  return new MirrorError('ERR_CONFIG', `${file}: ${message}`, { cause });
}
