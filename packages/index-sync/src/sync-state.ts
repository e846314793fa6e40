import { ifThere } from '@mirror/core/errors';
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

/** An item of the tree that has no place on disk. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

/** The items of one commit that were left out. */
export interface LeftOutItems {
  readonly commit: string;
  readonly count: number;
  /** All of them, or the first thousand. */
  readonly items: readonly LeftOut[];
}

/** A version whose checksum upstream has changed, until someone accepts it. */
export interface ReplacedVersion {
  readonly name: string;
  readonly vers: string;
  /** The checksum that was here first. */
  readonly previous_cksum: string;
  readonly cksum: string;
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
  /** Undefined when nothing is noted yet. */
  leftOut(): LeftOutItems | undefined;
  writeLeftOut(items: LeftOutItems): void;
  /** Versions whose other checksum nobody has accepted yet. */
  replaced(): readonly ReplacedVersion[];
  writeReplaced(versions: readonly ReplacedVersion[]): void;
  /** Whether the run before ended without saying so. */
  wasKilled(): boolean;
  beginRun(): void;
  endRun(): void;
}

/** Open the notes in `dir`, by default that of the repository `gitDir`. Each is replaced in one step; a damaged one counts as missing, which `onDamage` is told. */
export function openSyncState(
  gitDir: string,
  onDamage: (file: string) => void = () => undefined,
  dir = path.join(gitDir, PRIVATE_FOLDER),
): SyncState {
  const file = (name: string): string => path.join(dir, name);
  const write = (name: string, value: object): void => {
    mkdirSync(dir, { recursive: true });
    replaceFile(file(name), `${JSON.stringify({ schema_version: 1, ...value })}\n`);
  };
  function read<T>(name: string, understand: (note: Record<string, unknown>) => T | undefined): T | undefined {
    const text = ifThere(() => readFileSync(file(name), 'utf8'));
    if (text === undefined) return undefined;
    const note = parsedNote(text);
    const value = note === undefined ? undefined : understand(note);
    if (value === undefined) onDamage(file(name));
    return value;
  }
  return {
    ownPacks: () => read('packs.json', packNames) ?? [],
    writeOwnPacks: (packs) => write('packs.json', { packs }),
    pending: () => read('pending.json', pendingStep),
    writePending: ({ from, to, branch }) => write('pending.json', { from: from ?? null, to, branch }),
    clearPending: () => rmSync(file('pending.json'), { force: true }),
    leftOut: () => read('left-out.json', leftOutItems),
    writeLeftOut: (items) => write('left-out.json', items),
    replaced: () => read('replaced.json', replacedVersions) ?? [],
    writeReplaced: (versions) =>
      versions.length === 0 ? rmSync(file('replaced.json'), { force: true }) : write('replaced.json', { versions }),
    wasKilled: () => existsSync(file('running')),
    beginRun: () => write('running', { pid: process.pid }),
    endRun: () => rmSync(file('running'), { force: true }),
  };
}

function parsedNote(text: string): Record<string, unknown> | undefined {
  try {
    const note: unknown = JSON.parse(text);
    return typeof note === 'object' && note !== null ? (note as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function packNames({ packs }: Record<string, unknown>): string[] | undefined {
  return Array.isArray(packs)
    ? packs.filter((name): name is string => typeof name === 'string' && /^pack-[0-9a-f]{40}$/.test(name))
    : undefined;
}

function pendingStep({ from, to, branch }: Record<string, unknown>): PendingStep | undefined {
  if (typeof to !== 'string' || !isObjectId(to)) return undefined;
  if (typeof branch !== 'string' || !/^refs\/heads\/[^\s]+$/.test(branch) || branch.split('/').includes('..'))
    return undefined;
  return { from: typeof from === 'string' && isObjectId(from) ? from : undefined, to, branch };
}

function leftOutItems({ commit, count, items }: Record<string, unknown>): LeftOutItems | undefined {
  if (typeof commit !== 'string' || typeof count !== 'number' || !Array.isArray(items)) return undefined;
  return { commit, count, items: items.filter((item): item is LeftOut => hasTexts(item, ['path', 'reason'])) };
}

function replacedVersions({ versions }: Record<string, unknown>): ReplacedVersion[] | undefined {
  const fields = ['name', 'vers', 'previous_cksum', 'cksum'];
  return Array.isArray(versions)
    ? versions.filter((version): version is ReplacedVersion => hasTexts(version, fields))
    : undefined;
}

function hasTexts(value: unknown, fields: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    fields.every((field) => typeof (value as Record<string, unknown>)[field] === 'string')
  );
}
