import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, ifThere, messageOf, systemCodeOf } from '@mirror/core/errors';
import { renameOver, syncFolder } from '@mirror/core/io';
import type { OwnFiles } from '../output-files.ts';

/**
 * A directory in which a run writes its outputs, beside the place where they will be. It gets the name `finished` in one step once all
 * of them are whole, and from then on they are the evidence: `verify` looks there first, and the next run goes on where this one was
 * ended. So a run that is killed leaves the earlier evidence or the new one, and never a part of each.
 */
export interface Stage {
  /** Where the output that will be `file` is written. */
  at(file: string): string;
  /**
   * Give the outputs their names. `obsolete` are those of earlier evidence that the new one does not have.
   *
   * @throws {MirrorError} ERR_IO when one of the names is taken and `replace` is not set; nothing is published then
   */
  publish(obsolete: readonly string[], replace: boolean): Promise<void>;
  /** Remove what is left of it. Always call it. */
  discard(): void;
}

/** Begin a stage in `outDir`; the lock must be held. What runs that were killed have left there is finished or removed first. */
export function createStage(outDir: string, own: OwnFiles): Stage {
  removeUnfinished(outDir, own);
  const work = own.workPrefix + randomUUID();
  mkdirSync(work, { mode: 0o700 });
  return {
    at: (file) => path.join(work, path.basename(file)),
    async publish(obsolete, replace) {
      await syncFolder(work);
      if (!replace) checkFree(outDir, readdirSync(work));
      renameSync(work, own.finished); // from here on it counts
      await syncFolder(outDir);
      for (const file of obsolete) rmSync(file, { force: true });
      await place(outDir, own, replace);
    },
    discard: () => rmSync(work, { recursive: true, force: true }),
  };
}

/** Publish what a run had finished when it was ended, if there is something. */
export async function finishPublishing(outDir: string, own: OwnFiles): Promise<boolean> {
  const { finished } = own;
  const stat = ifThere(() => lstatSync(finished));
  if (stat === undefined) return false;
  if (!stat.isDirectory() || !isMine(stat.uid)) {
    throw new MirrorError('ERR_IO', `${finished} is in the way: no run of this user has made it`, {
      hint: 'look at what it is, and move it away',
    });
  }
  await place(outDir, own, true);
  return true;
}

/** The report comes last, so that a name that is taken is met before anything counts. */
async function place(outDir: string, { finished: from, workPrefix }: OwnFiles, replace: boolean): Promise<void> {
  for (const name of readdirSync(from).sort(reportLast)) {
    const file = path.join(outDir, name);
    try {
      if (replace) placeOver(path.join(from, name), file, workPrefix + randomUUID());
      else placeNew(path.join(from, name), file);
    } catch (cause) {
      throw new MirrorError('ERR_IO', `cannot publish ${file}: ${messageOf(cause)}`, {
        cause,
        hint: `all outputs of the run are whole in ${from}; the next run goes on with them`,
      });
    }
  }
  await syncFolder(outDir);
  removeStage(from);
  await syncFolder(outDir);
}

/** By a second name, so that the stage stays whole until all outputs have theirs. */
function placeOver(staged: string, file: string, beside: string): void {
  try {
    linkSync(staged, beside);
  } catch {
    renameOver(staged, file); // a disk without hard links: what the stage no longer has is in its place
    return;
  }
  try {
    renameOver(beside, file);
  } finally {
    rmSync(beside, { force: true }); // renaming one name of a file over another does nothing
  }
}

function placeNew(staged: string, file: string): void {
  try {
    linkSync(staged, file);
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') throw error;
    checkFree(path.dirname(file), [path.basename(file)]);
    renameSync(staged, file);
  }
}

function checkFree(outDir: string, names: readonly string[]): void {
  const taken = names
    .map((name) => path.join(outDir, name))
    .find((file) => ifThere(() => lstatSync(file)) !== undefined);
  if (taken !== undefined)
    throw new MirrorError('ERR_IO', `${taken} appeared while the run was at work; it is left as it is`, {
      hint: 'move it away, or give another --out-prefix, and run again',
    });
}

/** Out of the way in one step: what is removed name by name must not look like evidence meanwhile. */
function removeStage(finished: string): void {
  const aside = `${finished}.${randomUUID()}`;
  renameSync(finished, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** What killed runs have left; nobody else holds the lock. */
function removeUnfinished(outDir: string, { workPrefix, finished }: OwnFiles): void {
  for (const name of readdirSync(outDir)) {
    const file = path.join(outDir, name);
    const isLeft = [workPrefix, `${finished}.`].some(
      (prefix) => file.startsWith(prefix) && UUID.test(file.slice(prefix.length)),
    );
    if (isLeft) rmSync(file, { recursive: true, force: true });
  }
}

function isMine(uid: number): boolean {
  return process.getuid === undefined || process.getuid() === uid;
}

function reportLast(a: string, b: string): number {
  return Number(a.endsWith('.toml')) - Number(b.endsWith('.toml')) || (a < b ? -1 : 1);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
