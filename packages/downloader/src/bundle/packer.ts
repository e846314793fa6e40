import { unlink } from 'node:fs/promises';
import path from 'node:path';
import { IntegrityError, ifThereAsync, messageOf, sha256File, systemCodeOf } from '@mirror/core';
import type { BundleWriter, LocalStorage, Log, ManifestRecord, Sha256 } from '@mirror/core';
import type { Records } from '../records.ts';
import type { BundledRecords } from './bundled-records.ts';

/** What a packer works with. */
export interface PackerOptions {
  readonly writer: BundleWriter;
  readonly storage: LocalStorage;
  readonly records: Records;
  readonly recorded: BundledRecords;
  /** False: a loose file goes when its bundle is durable and recorded. */
  readonly keepsLoose: boolean;
  readonly log: Log;
}

/** Puts loose files into bundles and records that. */
export interface Packer {
  /** Numbers so far. */
  readonly stats: PackerStats;
  /**
   * Put the file of `record` into a bundle; resolves when there is room for the next one, while some are still being packed. What that record
   * claims is written by `settle` at the latest. A failure is told by a later call.
   */
  add(record: ManifestRecord): Promise<void>;
  /** Make all that was added durable, then record it, then remove loose files where they are not kept. In this order, so that a stop in between loses nothing. */
  settle(): Promise<void>;
}

/** What a packer did. */
export interface PackerStats {
  bundled: number;
  bundledBytes: number;
  /** Files that were gone or not right any more when their turn came. */
  refused: number;
}

/** A packer that settles by itself after some files, bytes or time. */
export function createPacker(options: PackerOptions): Packer {
  const { writer, storage, records, recorded, keepsLoose, log } = options;
  const stats: PackerStats = { bundled: 0, bundledBytes: 0, refused: 0 };
  let pending: { readonly record: ManifestRecord; readonly isNew: boolean }[] = [];
  let pendingBytes = 0;
  let settledAt = performance.now();
  const inHand = new Set<Promise<void>>();
  let bytesInHand = 0;
  let hasRoom: (() => void) | undefined;
  let failure: { readonly error: unknown } | undefined;

  const refuse = (record: ManifestRecord, error: unknown): void => {
    stats.refused += 1;
    const message = `not bundled: ${messageOf(error)}`;
    log.warn('not bundled', { path: record.path, error: messageOf(error) });
    records.add({ ...record, size: null, sha256: null, mtimeUs: undefined, status: 'failed', error: message });
  };

  const settle = async (): Promise<void> => {
    settledAt = performance.now();
    await packed();
    if (pending.length === 0) return;
    const done = pending;
    pending = [];
    pendingBytes = 0;
    await writer.flush();
    for (const { record, isNew } of done) {
      const { path: file, sha256 } = record;
      if (sha256 === null || (!isNew && recorded.has(file, sha256))) continue;
      records.add(record);
      recorded.note(file, sha256);
    }
    if (keepsLoose) return;
    records.flush();
    for (const { record } of done) await ifThereAsync(unlink(path.join(storage.root, record.path)));
  };

  const pack = async (record: ManifestRecord): Promise<void> => {
    const file = path.join(storage.root, record.path);
    try {
      const sha256 = record.sha256 ?? (await sha256File(file));
      const { bundle, isNew } = await writer.add({ ...identity(record, sha256), body: { file } });
      const now = { ...record, sha256, bundle, ...(keepsLoose ? {} : { mtimeUs: undefined }) };
      pending.push({ record: now, isNew });
      if (!isNew) return;
      stats.bundled += 1;
      stats.bundledBytes += record.size ?? 0;
      pendingBytes += record.size ?? 0;
    } catch (error) {
      if (!(error instanceof IntegrityError) && systemCodeOf(error) !== 'ENOENT') throw error;
      refuse(record, error);
    }
  };

  /** Resolves when all that was added is packed. */
  const packed = async (): Promise<void> => {
    await Promise.all(inHand);
    if (failure !== undefined) throw failure.error;
  };

  return {
    stats,
    settle,
    add: async (record) => {
      if (failure !== undefined) throw failure.error;
      const size = record.size ?? 0;
      bytesInHand += size;
      const packing = pack(record)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .then(() => {
          inHand.delete(packing);
          bytesInHand -= size;
          hasRoom?.();
        });
      inHand.add(packing);
      while (inHand.size > MOST_IN_HAND || bytesInHand > MOST_BYTES_IN_HAND)
        await new Promise<void>((resolve) => (hasRoom = resolve));
      if (pendingBytes > SETTLE_BYTES || pending.length > SETTLE_FILES || performance.now() - settledAt > SETTLE_MS)
        await settle();
    },
  };
}

function identity(
  { path: file, name, vers, size }: ManifestRecord,
  sha256: Sha256,
): { path: string; name: string | undefined; vers: string | undefined; sha256: Sha256; size: number } {
  return { path: file, name, vers, sha256, size: size ?? 0 };
}

/** What a `kill -9` may cost is no more than this much work again. */
const SETTLE_BYTES = 256 << 20;
const SETTLE_FILES = 10_000;
const SETTLE_MS = 2000;

/** What is packed at a time: the writer reads files ahead while those before them are written. */
const MOST_IN_HAND = 2000;
const MOST_BYTES_IN_HAND = 64 << 20;
