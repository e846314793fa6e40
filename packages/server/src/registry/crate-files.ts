import { lstatSync } from 'node:fs';
import path from 'node:path';
import { LAYOUTS, MirrorError, ifThere, layoutPath, openBundleSet, sha256, sha256File } from '@mirror/core';
import type { BundleSet, Layout, Sha256 } from '@mirror/core';
import { readPlainFile, statPlainFile } from '@mirror/core/io';
import type { Body } from '../http/answer.ts';
import type { Span } from '../http/range.ts';
import { createByteCache } from './byte-cache.ts';
import { filePieces } from './file-pieces.ts';
import { createOddCopies, damagedCopy } from './odd-copies.ts';
import type { OddCopies } from './odd-copies.ts';
import { settle } from './settle.ts';
import { sliceStream } from './slice-stream.ts';
import { createVerdicts } from './verdicts.ts';

/** A version whose file is wanted, with the digest that the index promises. */
export interface WantedCrate {
  readonly name: string;
  readonly vers: string;
  readonly cksum: Sha256;
}

/** The crate files of a mirror, loose or in bundles. */
export interface CrateFiles {
  /**
   * The file of a version, its digest checked; undefined when it is in none of the places. Of several copies the first good one: one that is
   * damaged, or cannot be read, is told to `onOddCopy`, and the next is looked for.
   *
   * @throws {MirrorError} ERR_INTEGRITY when there are copies and all are damaged; ERR_IO when none is good and some cannot be read
   */
  find(crate: WantedCrate): Promise<Body | undefined>;
  /** Whether there is a file for it. Nothing is read: it may turn out to be damaged. */
  has(crate: WantedCrate): Promise<boolean>;
  /** How many bytes a version has; undefined when it is absent. */
  sizeOf(crate: WantedCrate): Promise<number | undefined>;
  /** The loose copies of a version, unread and unchecked, the likeliest first. */
  looseCopies(crate: WantedCrate): Generator<LooseCopy>;
  /** As `find`, but out of bundles alone. */
  findBundled(crate: WantedCrate): Promise<Body | undefined>;
  /** Whether a bundle says that it holds a version with the promised content. Nothing is read. */
  isBundled(crate: WantedCrate): boolean;
  /** Copies that were damaged or could not be read, each counted once. */
  readonly oddCopies: number;
  /** Take in bundles that were finished since. */
  refresh(): Promise<void>;
  readonly cachedBytes: number;
  close(): Promise<void>;
}

/** A loose file that may be the one of a version. */
export interface LooseCopy {
  readonly file: string;
  readonly size: number;
  /** Time of the last change in microseconds. */
  readonly mtimeUs: number;
}

/** Where the files are. */
export interface CrateFilesOptions {
  /** Folders of loose files; the first that has a file wins. */
  readonly roots: readonly string[];
  /** How the roots are arranged; default: either way. */
  readonly layout?: Layout | undefined;
  /** Folders of bundles, asked after the roots. */
  readonly bundleDirs?: readonly string[] | undefined;
  /**
   * Compare each file with its promised digest before it is first sent, and again whenever size or time have changed; default
   * true. Otherwise only cargo does.
   */
  readonly isVerifying?: boolean | undefined;
  /** Room for small files in memory; default 64 MiB. */
  readonly cacheBytes?: number | undefined;
  /** How long a file in memory is not compared with the disk; default 1000. */
  readonly believeMs?: number | undefined;
  readonly now?: (() => number) | undefined;
  /** Told each copy that is damaged or cannot be read, once. */
  readonly onOddCopy?: ((error: MirrorError) => void) | undefined;
}

/**
 * The crate files of a mirror. Files up to 256 KiB are read, checked and sent in one piece; larger ones are checked in a pass of their own
 * the first time, then streamed.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the index of a bundle cannot be read
 */
export async function openCrateFiles(options: CrateFilesOptions): Promise<CrateFiles> {
  const odd = createOddCopies(options.onOddCopy);
  const loose = looseSource(options, odd);
  const bundled = await Promise.all((options.bundleDirs ?? []).map((dir) => bundleSource(dir, options)));
  const sources: readonly Source[] = [loose, ...bundled];
  const findIn = async (some: readonly Source[], crate: WantedCrate): Promise<Body | undefined> => {
    const search = odd.search();
    for (const source of some) {
      const found = await search.tryCopy(`${crate.name} ${crate.vers}`, () => source.find(crate));
      if (found !== undefined) return found;
    }
    return search.end();
  };
  return {
    find: (crate) => findIn(sources, crate),
    findBundled: (crate) => findIn(bundled, crate),
    isBundled: (crate) => bundled.some((source) => source.hasContent(crate)),
    async has(crate) {
      for (const source of sources) if ((await source.sizeOf(crate)) !== undefined) return true;
      return false;
    },
    async sizeOf(crate) {
      for (const source of sources) {
        const size = await source.sizeOf(crate);
        if (size !== undefined) return size;
      }
      return undefined;
    },
    looseCopies: loose.copies,
    async refresh() {
      await Promise.all(sources.map((source) => source.refresh()));
    },
    get cachedBytes() {
      return sources.reduce((sum, source) => sum + source.cachedBytes(), 0);
    },
    get oddCopies() {
      return odd.count;
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}

/** Larger files are streamed. A thousand clients that take their time hold 256 MiB at most. */
const WHOLE_BYTES = 256 * 1024;

interface Source {
  find(crate: WantedCrate): Promise<Body | undefined>;
  sizeOf(crate: WantedCrate): Promise<number | undefined>;
  refresh(): Promise<void>;
  cachedBytes(): number;
  close(): Promise<void>;
}

interface LooseSource extends Source {
  copies(crate: WantedCrate): Generator<LooseCopy>;
}

interface BundleSource extends Source {
  hasContent(crate: WantedCrate): boolean;
}

interface KeptFile {
  readonly body: Body;
  readonly stamp: string;
  /** Undefined when files are not checked. */
  readonly digest: Sha256 | undefined;
  checkedAt: number;
}

function looseSource(options: CrateFilesOptions, odd: OddCopies): LooseSource {
  const { roots, isVerifying = true, believeMs = 1000, now = Date.now } = options;
  const layouts = options.layout === undefined ? LAYOUTS : [options.layout];
  const cache = createByteCache<KeptFile>(options.cacheBytes ?? 64 * 2 ** 20);
  const verdicts = createVerdicts();
  /** Most mirrors have one root and one layout: what held the last file is asked first. */
  let order = roots.flatMap((root) => layouts.map((layout) => ({ root, layout })));

  const promote = (place: (typeof order)[number]): void => {
    if (order[0] !== place && roots.length === 1) order = [place, ...order.filter((other) => other !== place)];
  };

  const findAt = async (file: string, crate: WantedCrate): Promise<Body | undefined> => {
    const kept = cache.get(file);
    if (kept !== undefined && (now() - kept.checkedAt < believeMs || isUnchanged(file, kept))) {
      if (kept.digest !== undefined) check(crate, file, kept.digest);
      return kept.body;
    }
    const found = readPlainFile(file, WHOLE_BYTES);
    if (found === undefined) return odd.quietly(file, () => requireNothing(file));
    if (found.bytes === undefined) {
      if (isVerifying) check(crate, file, await verdicts.of(file, found.stamp, () => sha256File(file)));
      return {
        size: found.size,
        read: (span) => filePieces(file, span),
      };
    }
    const { bytes } = found;
    const digest = isVerifying ? sha256(bytes) : undefined;
    if (digest !== undefined) check(crate, file, digest);
    const body = { size: bytes.length, bytes };
    cache.set(file, { body, stamp: found.stamp, digest, checkedAt: now() }, bytes.length);
    return body;
  };

  function* copies({ name, vers }: WantedCrate): Generator<LooseCopy> {
    for (const place of order) {
      const file = path.join(place.root, layoutPath(place.layout, name, vers));
      const found = odd.quietly(file, () => statPlainFile(file) ?? requireNothing(file));
      if (found === undefined) continue;
      promote(place);
      yield { file, size: found.size, mtimeUs: found.mtimeUs };
    }
  }

  const isUnchanged = (file: string, kept: KeptFile): boolean => {
    if (statPlainFile(file)?.stamp !== kept.stamp) return false;
    kept.checkedAt = now();
    return true;
  };

  return {
    async find(crate) {
      const search = odd.search();
      for (const place of order) {
        const file = path.join(place.root, layoutPath(place.layout, crate.name, crate.vers));
        const body = await search.tryCopy(file, () => findAt(file, crate));
        if (body === undefined) continue;
        promote(place);
        return body;
      }
      return search.end();
    },
    sizeOf: (crate) =>
      settle(() => {
        for (const { size } of copies(crate)) return size;
        return undefined;
      }),
    copies,
    refresh: () => Promise.resolve(),
    cachedBytes: () => cache.bytes,
    close: () => Promise.resolve(),
  };
}

async function bundleSource(dir: string, { layout, isVerifying = true }: CrateFilesOptions): Promise<BundleSource> {
  const set: BundleSet = await openBundleSet({ dir });
  const verdicts = createVerdicts();
  const layouts = layout === undefined ? LAYOUTS : [layout];
  const pathOf = ({ name, vers, cksum }: WantedCrate): string | undefined => {
    const paths = layouts.map((each) => layoutPath(each, name, vers));
    return paths.find((file) => set.has(file, cksum)) ?? paths.find((file) => set.has(file));
  };
  return {
    hasContent: ({ name, vers, cksum }) => layouts.some((each) => set.has(layoutPath(each, name, vers), cksum)),
    async find(crate) {
      const file = pathOf(crate);
      const found = file === undefined ? undefined : await set.find(file);
      if (file === undefined || found === undefined) return undefined;
      const { bundle, entry } = found;
      const place = `${path.join(dir, bundle)}: ${file}`;
      check(crate, place, entry.sha256);
      if (entry.size <= WHOLE_BYTES) return { size: entry.size, bytes: await set.read(file) };
      if (isVerifying) await verdicts.of(place, entry.sha256, async () => drain(set.stream(file), entry.sha256));
      return {
        size: entry.size,
        read: (span: Span) => sliceStream(set.stream(file), span),
      };
    },
    async sizeOf(crate) {
      const file = pathOf(crate);
      return file === undefined ? undefined : (await set.find(file))?.entry.size;
    },
    refresh: () => set.refresh(),
    cachedBytes: () => 0,
    close: () => set.close(),
  };
}

/** Reads all of a stream that checks its own digest. */
async function drain(stream: AsyncGenerator<Buffer>, digest: Sha256): Promise<Sha256> {
  for (let next = await stream.next(); next.done !== true;) next = await stream.next();
  return digest;
}

/** @throws {MirrorError} ERR_IO when a folder, a pipe or the like is in place of a crate file: it is told, and counts as nothing */
function requireNothing(file: string): undefined {
  const stats = ifThere(() => lstatSync(file, { throwIfNoEntry: false }));
  if (stats === undefined || stats.isFile()) return undefined;
  const found = stats.isDirectory() ? 'a directory' : stats.isSymbolicLink() ? 'a symbolic link' : 'a pipe or device';
  throw new MirrorError('ERR_IO', `${file}: expected a crate file, found ${found}`, {
    hint: 'remove it from the mirror',
  });
}

function check(crate: WantedCrate, file: string, found: Sha256): void {
  if (found === crate.cksum) return;
  throw damagedCopy(crate, file, found);
}
