import { createReadStream, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { IntegrityError, MirrorError, ifThere, messageOf, mtimeUsOf, sha256File, silentLog } from '@mirror/core';
import { makeInnerFolder, openPlainFile, statPlainFile } from '@mirror/core/io';
import type { LocalStorage, Log } from '@mirror/core';
import type { Mirror } from '../app/mirror.ts';
import type { Body } from '../http/answer.ts';
import type { LooseCopy, WantedCrate } from '../registry/crate-files.ts';
import { damagedCopy, isDamage } from '../registry/odd-copies.ts';
import type { ExportedCrate } from './export-list.ts';
import { shareFile } from './share-file.ts';

/** How crate files get into the tree. */
export const LINKS = ['copy', 'hard', 'symbolic'] as const;
/** One of {@link LINKS}. */
export type Link = (typeof LINKS)[number];

/** What became of one version. */
export interface Placed {
  readonly outcome: 'placed' | 'kept' | 'missing' | 'corrupt' | 'unreadable';
  /** What the tree has of it: a good file, though perhaps the mirror has none any more. */
  readonly crate: ExportedCrate | undefined;
  /** Copies that were damaged or could not be read. */
  readonly odd: number;
}

type Done = Omit<Placed, 'odd'>;

/** Puts crate files into a tree. */
export interface CratePlacer {
  /**
   * @param target - relative path in the tree, with `/`
   * @param known - what the list says of a file there
   * @throws {MirrorError} ERR_IO when the tree cannot be written
   */
  place(crate: WantedCrate, target: string, known: ExportedCrate | undefined): Promise<Placed>;
}

/**
 * A placer for the tree of `storage`. What it leaves under a target's name has the promised digest: sizes and times only decide whether a file
 * that was read once has to be read again.
 */
export function createCratePlacer(mirror: Mirror, storage: LocalStorage, how: Link, log: Log = silentLog): CratePlacer {
  const ready = new Set<string>(['.']);
  let canClone = true;

  return {
    async place(crate, target, known) {
      makeInnerFolder(storage.root, path.posix.dirname(target), ready);
      if (isAsListed(crate, target, known)) return { outcome: 'kept', crate: known, odd: 0 };
      let outcome: 'missing' | 'corrupt' | 'unreadable' = 'missing';
      let odd = 0;
      const attempts = [
        ...[...mirror.crates.looseCopies(crate)].map((copy) => () => placeLoose(crate, target, copy)),
        () => placeBundled(crate, target),
      ];
      for (const attempt of attempts) {
        try {
          const placed = await attempt();
          if (placed !== undefined) return { ...placed, odd };
        } catch (error) {
          if (!(error instanceof UnusableCopy)) throw error;
          const { message, hint } = error.reason;
          if (!error.isTold) log.error('a copy of a crate file is no good', { error: message, hint });
          odd++;
          if (outcome !== 'corrupt') outcome = isDamage(error.reason) ? 'corrupt' : 'unreadable';
        }
      }
      return { outcome, odd, crate: outcome === 'missing' ? undefined : await stillGood(crate, target, known) };
    },
  };

  /** The file is as the list says, and so is what it was made of: nothing is read. */
  function isAsListed(crate: WantedCrate, target: string, known: ExportedCrate | undefined): known is ExportedCrate {
    if (known?.sha256 !== crate.cksum) return false;
    const file = path.join(storage.root, target);
    const there = ifThere(() => lstatSync(file));
    if (there === undefined || mtimeUsOf(there) !== known.mtimeUs) return false;
    if (known.sourceUs === undefined)
      return there.isFile() && there.size === known.size && mirror.crates.isBundled(crate);
    if (known.how !== how && !(how === 'hard' && known.how === 'copy')) return false;
    if (how === 'symbolic' ? !there.isSymbolicLink() : !there.isFile() || there.size !== known.size) return false;
    for (const copy of mirror.crates.looseCopies(crate)) {
      if (copy.size !== known.size || copy.mtimeUs !== known.sourceUs) continue;
      if (how !== 'symbolic' || readlinkSync(file) === realpathSync(copy.file)) return true;
    }
    return false;
  }

  /** @throws {UnusableCopy} when the copy is damaged or cannot be read */
  async function placeLoose(crate: WantedCrate, target: string, copy: LooseCopy): Promise<Done> {
    const file = path.join(storage.root, target);
    const there = ifThere(() => lstatSync(file, { bigint: true }));
    const isPlainCopy = how === 'copy' && !canClone;
    if (there === undefined && isPlainCopy) return copyInto(crate, target, copy);
    const before = statPlainFile(copy.file)?.stamp;
    await requireGood(crate, copy);
    const isShared = there?.ino === lstatSync(copy.file, { bigint: true }).ino;
    if (there?.isFile() === true && (how === 'hard' ? isShared : how === 'copy' && !isShared))
      if ((await digestOf(file)) === crate.cksum) return { outcome: 'kept', crate: listed(crate, target, how, copy) };
    const sharing = how === 'copy' ? 'clone' : how;
    if (isPlainCopy || !shareFile(copy.file, file, sharing)) {
      canClone &&= sharing !== 'clone';
      return copyInto(crate, target, copy);
    }
    if (statPlainFile(copy.file)?.stamp !== before) throw unusable(`${copy.file} changed while it was exported`);
    return { outcome: 'placed', crate: listed(crate, target, how, copy) };
  }

  /** The digest is taken of the bytes that are written. */
  async function copyInto(crate: WantedCrate, target: string, copy: LooseCopy): Promise<Done> {
    try {
      await storage.put(target, readable(copy.file), { sha256: crate.cksum });
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      throw new UnusableCopy(damagedCopy(crate, copy.file, error.actual));
    }
    return { outcome: 'placed', crate: listed(crate, target, 'copy', copy) };
  }

  async function placeBundled(crate: WantedCrate, target: string): Promise<Done | undefined> {
    // what is wrong with a bundle has been told by the one who looked
    const body = await orUnusable(() => mirror.crates.findBundled(crate), true);
    if (body === undefined) return undefined;
    const { size, mtimeUs } = await storage
      .put(target, piecesOf(body), { sha256: crate.cksum })
      .catch((error: unknown) => {
        if (error instanceof MirrorError && !isDamage(error)) throw error;
        throw error instanceof MirrorError ? new UnusableCopy(error) : unusable(messageOf(error), error);
      });
    const file = path.posix.basename(target);
    return { outcome: 'placed', crate: { file, sha256: crate.cksum, size, mtimeUs, how: 'copy', sourceUs: undefined } };
  }

  function listed(
    crate: WantedCrate,
    target: string,
    made: Link,
    { size, mtimeUs: sourceUs }: LooseCopy,
  ): ExportedCrate {
    const mtimeUs = mtimeUsOf(lstatSync(path.join(storage.root, target)));
    return { file: path.posix.basename(target), sha256: crate.cksum, size, mtimeUs, how: made, sourceUs };
  }

  /** The mirror has no good file, but the tree may have one of an earlier run, which stays. */
  async function stillGood(
    crate: WantedCrate,
    target: string,
    known: ExportedCrate | undefined,
  ): Promise<ExportedCrate | undefined> {
    const file = path.join(storage.root, target);
    const there = statPlainFile(file);
    if (there === undefined || (await digestOf(file)) !== crate.cksum) return undefined;
    const { size, mtimeUs } = there;
    const name = path.posix.basename(target);
    return { file: name, sha256: crate.cksum, size, mtimeUs, how: known?.how ?? 'copy', sourceUs: NO_SOURCE };
  }
}

/** Equal to the time of no file, so that the next run looks for a good one again. */
const NO_SOURCE = -1;

/** A copy that is damaged or cannot be read; another one may be good. Errors of the tree are none of these. */
class UnusableCopy extends Error {
  override readonly name = 'UnusableCopy';
  readonly reason: MirrorError;
  readonly isTold: boolean;

  constructor(reason: MirrorError, isTold = false) {
    super(reason.message);
    this.reason = reason;
    this.isTold = isTold;
  }
}

function unusable(what: string, cause?: unknown): UnusableCopy {
  return new UnusableCopy(
    new MirrorError('ERR_IO', what, {
      cause,
      hint: 'check the permissions and the disk of the mirror, then export again',
    }),
  );
}

async function orUnusable<T>(work: () => Promise<T>, isTold = false): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof MirrorError ? new UnusableCopy(error, isTold) : unusable(messageOf(error), error);
  }
}

async function requireGood(crate: WantedCrate, copy: LooseCopy): Promise<void> {
  const found = await orUnusable(() => sha256File(copy.file));
  if (found !== crate.cksum) throw new UnusableCopy(damagedCopy(crate, copy.file, found));
}

/** Undefined for what cannot be read: it is replaced. */
async function digestOf(file: string): Promise<string | undefined> {
  return await sha256File(file).catch(() => undefined);
}

async function* readable(file: string): AsyncGenerator<Uint8Array> {
  const pieces = await orUnusable(() =>
    Promise.resolve(createReadStream('', { fd: openPlainFile(file), highWaterMark: PIECE_BYTES })),
  );
  try {
    yield* pieces;
  } catch (error) {
    throw unusable(`cannot read ${file}: ${messageOf(error)}`, error);
  }
}

const PIECE_BYTES = 2 ** 18;

async function* piecesOf({ bytes, read, size }: Body): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined) yield bytes;
  else if (read !== undefined && size > 0) yield* read({ start: 0, end: size - 1 });
}
