import path from 'node:path';
import { IntegrityError, LAYOUTS, MirrorError, layoutPath, openBundleSet, sha256, sha256File } from '@mirror/core';
import type { BundleSet, Layout, Sha256 } from '@mirror/core';
import { readPlainFile, statPlainFile } from '@mirror/core/io';
import type { Body } from '../http/answer.ts';
import type { Span } from '../http/range.ts';
import { createByteCache } from './byte-cache.ts';
import { filePieces } from './file-pieces.ts';
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
   * The file of a version, its digest checked; undefined when it is in none of the places. Of several copies the first good one.
   *
   * @throws {MirrorError} ERR_INTEGRITY when every copy that is there is damaged
   */
  find(crate: WantedCrate): Promise<Body | undefined>;
  /** Whether there is a file for it. Nothing is read: it may turn out to be damaged. */
  has(crate: WantedCrate): Promise<boolean>;
  /** How many bytes a version has; undefined when it is absent. */
  sizeOf(crate: WantedCrate): Promise<number | undefined>;
  /** The loose file of a version, unread and unchecked; undefined when it is absent or only in a bundle. */
  looseFile(crate: WantedCrate): Promise<string | undefined>;
  /** Take in bundles that were finished since. */
  refresh(): Promise<void>;
  readonly cachedBytes: number;
  close(): Promise<void>;
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
}

/**
 * The crate files of a mirror. Files up to 256 KiB are read, checked and sent in one piece; larger ones are checked in a pass of their own
 * the first time, then streamed.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the index of a bundle cannot be read
 */
export async function openCrateFiles(options: CrateFilesOptions): Promise<CrateFiles> {
  const loose = looseSource(options);
  const sources: readonly Source[] = [
    loose,
    ...(await Promise.all((options.bundleDirs ?? []).map((dir) => bundleSource(dir, options)))),
  ];
  return {
    async find(crate) {
      let damage: unknown;
      for (const source of sources) {
        try {
          const found = await source.find(crate);
          if (found !== undefined) return found;
        } catch (error) {
          if (!isDamage(error)) throw error;
          damage ??= error;
        }
      }
      if (damage !== undefined) throw damage as MirrorError;
      return undefined;
    },
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
    looseFile: loose.locate,
    async refresh() {
      await Promise.all(sources.map((source) => source.refresh()));
    },
    get cachedBytes() {
      return sources.reduce((sum, source) => sum + source.cachedBytes(), 0);
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

interface Locator {
  locate(crate: WantedCrate): Promise<string | undefined>;
}

interface KeptFile {
  readonly body: Body;
  readonly stamp: string;
  /** Undefined when files are not checked. */
  readonly digest: Sha256 | undefined;
  checkedAt: number;
}

function looseSource(options: CrateFilesOptions): Source & Locator {
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
    if (found === undefined) return undefined;
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

  const look = ({ name, vers }: WantedCrate): { readonly file: string; readonly size: number } | undefined => {
    for (const place of order) {
      const file = path.join(place.root, layoutPath(place.layout, name, vers));
      const found = statPlainFile(file);
      if (found === undefined) continue;
      promote(place);
      return { file, size: found.size };
    }
    return undefined;
  };

  const isUnchanged = (file: string, kept: KeptFile): boolean => {
    if (statPlainFile(file)?.stamp !== kept.stamp) return false;
    kept.checkedAt = now();
    return true;
  };

  return {
    async find(crate) {
      let damage: unknown;
      for (const place of order) {
        const file = path.join(place.root, layoutPath(place.layout, crate.name, crate.vers));
        try {
          const body = await findAt(file, crate);
          if (body === undefined) continue;
          promote(place);
          return body;
        } catch (error) {
          if (!isDamage(error)) throw error;
          damage ??= error;
        }
      }
      if (damage !== undefined) throw damage as MirrorError;
      return undefined;
    },
    sizeOf: (crate) => settle(() => look(crate)?.size),
    locate: (crate) => settle(() => look(crate)?.file),
    refresh: () => Promise.resolve(),
    cachedBytes: () => cache.bytes,
    close: () => Promise.resolve(),
  };
}

async function bundleSource(dir: string, { layout, isVerifying = true }: CrateFilesOptions): Promise<Source> {
  const set: BundleSet = await openBundleSet({ dir });
  const verdicts = createVerdicts();
  const layouts = layout === undefined ? LAYOUTS : [layout];
  const pathOf = ({ name, vers, cksum }: WantedCrate): string | undefined => {
    const paths = layouts.map((each) => layoutPath(each, name, vers));
    return paths.find((file) => set.has(file, cksum)) ?? paths.find((file) => set.has(file));
  };
  return {
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

/** A wrong digest, or a bundle whose frames cannot be decompressed. */
export function isDamage(error: unknown): error is MirrorError {
  return error instanceof MirrorError && error.code === 'ERR_INTEGRITY';
}

function check(crate: WantedCrate, file: string, found: Sha256): void {
  if (found === crate.cksum) return;
  throw new IntegrityError(`${crate.name} ${crate.vers}`, `sha256 ${crate.cksum}`, found, {
    hint: `${file} is damaged; mirror-downloader verify --repair fetches it again`,
  });
}
