import { MirrorError, ifThere } from '@mirror/core/errors';
import { isObjectId } from '@mirror/core/git';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from '@mirror/core/io';
import { PRIVATE_FOLDER } from './git/git-dir.ts';

/** Refs that keep two states of the index readable, and safe from git's own cleaning, until they are done with. */
export const ACKNOWLEDGED_REF = 'refs/mirror-index-sync/acknowledged';
export const EMITTED_REF = 'refs/mirror-index-sync/emitted';

/** A step from one commit to the next that has begun. */
export interface PendingStep {
  /** Undefined for a first checkout. */
  readonly from: string | undefined;
  readonly to: string;
  readonly branch: string;
}

/** What this tool notes in the repository besides what git needs. */
export interface SyncState {
  /** Packs that this tool made and may replace by one. */
  ownPacks(): readonly string[];
  writeOwnPacks(names: readonly string[]): void;
  /** The step that a killed run did not finish. */
  pending(): PendingStep | undefined;
  writePending(step: PendingStep): void;
  clearPending(): void;
  /** Whether the run before ended without saying so. */
  wasKilled(): boolean;
  beginRun(): void;
  endRun(): void;
}

/** Open the notes in the repository `gitDir`. All of them are replaced in one step. */
export function openSyncState(gitDir: string): SyncState {
  const dir = path.join(gitDir, PRIVATE_FOLDER);
  const file = (name: string): string => path.join(dir, name);
  const write = (name: string, value: object): void => {
    mkdirSync(dir, { recursive: true });
    replaceFile(file(name), `${JSON.stringify({ schema_version: 1, ...value })}\n`);
  };
  return {
    ownPacks: () => {
      const packs = readNote(file('packs.json'))?.['packs'];
      return Array.isArray(packs)
        ? packs.filter((name): name is string => typeof name === 'string' && /^pack-[0-9a-f]{40}$/.test(name))
        : [];
    },
    writeOwnPacks: (packs) => write('packs.json', { packs }),
    pending: () => {
      const note = readNote(file('pending.json'));
      if (note === undefined) return undefined;
      const { from, to, branch } = note;
      if (
        typeof to !== 'string' ||
        !isObjectId(to) ||
        typeof branch !== 'string' ||
        !/^refs\/heads\/[^\s]+$/.test(branch)
      ) {
        throw new MirrorError('ERR_INTEGRITY', `${file('pending.json')}: not a note of an unfinished step`);
      }
      return { from: typeof from === 'string' && isObjectId(from) ? from : undefined, to, branch };
    },
    writePending: ({ from, to, branch }) => write('pending.json', { from: from ?? null, to, branch }),
    clearPending: () => rmSync(file('pending.json'), { force: true }),
    wasKilled: () => existsSync(file('running')),
    beginRun: () => write('running', { pid: process.pid }),
    endRun: () => rmSync(file('running'), { force: true }),
  };
}

function readNote(file: string): Record<string, unknown> | undefined {
  const text = ifThere(() => readFileSync(file, 'utf8'));
  if (text === undefined) return undefined;
  try {
    const note: unknown = JSON.parse(text);
    if (typeof note === 'object' && note !== null) return note as Record<string, unknown>;
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: not JSON`, { cause });
  }
  throw new MirrorError('ERR_INTEGRITY', `${file}: not a note of this program`);
}
