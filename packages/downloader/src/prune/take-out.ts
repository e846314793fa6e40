import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { renameOver } from '@mirror/core/io';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import { createFileReader } from '../verify/read-file.ts';
import { OWN_FOLDER } from '../own-folder.ts';
import type { Tombstone } from './tombstone.ts';

/** Takes files out of one mirror. */
export interface TakeOut {
  /**
   * Where in the mirror a file with these bytes goes to when it is put into quarantine: its own path below `.mirror/quarantine`,
   * with the digest behind it when other bytes of that name are there already. Nothing in quarantine is ever replaced by something else.
   */
  quarantinePath(file: Pick<Tombstone, 'path' | 'sha256'>): string;
  /** Move or delete a file as its tombstone says. @throws {MirrorError} ERR_IO; the file is then where it was */
  act(tombstone: Pick<Tombstone, 'path' | 'movedTo'>): void;
}

/** What takes files out of the mirror at `root`. No link inside the mirror leads it elsewhere. */
export function createTakeOut(root: string): TakeOut {
  const read = createFileReader(root);
  const made = new Set<string>();
  const isFreeFor = (place: string, sha256: string): boolean => {
    const found = read(place);
    return found.kind === 'missing' || (found.kind === 'read' && found.sha256 === sha256);
  };
  return {
    quarantinePath: ({ path: file, sha256 }) => {
      const place = `${OWN_FOLDER}/quarantine/${file}`;
      return isFreeFor(place, sha256) ? place : `${place}.${sha256}`;
    },
    act: ({ path: file, movedTo }) => {
      try {
        if (movedTo === null) unlinkSync(path.join(root, file));
        else {
          makeFolders(root, path.posix.dirname(movedTo), made);
          renameOver(path.join(root, file), path.join(root, movedTo));
        }
      } catch (error) {
        if (error instanceof MirrorError) throw error;
        throw new MirrorError('ERR_IO', `cannot take ${file} out of ${root}: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

/** One step at a time, so that a symbolic link on the way is seen before anything is moved past it. */
function makeFolders(root: string, folder: string, made: Set<string>): void {
  if (made.has(folder)) return;
  let current = root;
  for (const part of folder.split('/')) {
    current = path.join(current, part);
    try {
      mkdirSync(current);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      if (!lstatSync(current).isDirectory())
        throw new MirrorError('ERR_IO', `refusing to move files through ${current}: expected a folder of the mirror`);
    }
  }
  made.add(folder);
}
