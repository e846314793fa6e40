import { readSync } from 'node:fs';
import { MirrorError } from '../errors.ts';
import { applyDelta } from './delta.ts';
import { OBJECT_TYPES, type ObjectType } from './object-id.ts';
import { inflateEntry } from './pack-entry.ts';
import type { PackTable } from './pack-table.ts';

/** How much objects that stand on one another may ask for. */
export interface ChainLimits {
  /** Bytes of one object after inflation. */
  readonly objectBytes: number;
  /** Deltas that stand on one another. */
  readonly chain: number;
  /** Bytes of all objects of one chain, which are held in memory at once. */
  readonly chainBytes: number;
}

/** Called with each object once it is whole. `data` is only good until the call returns. */
export type VisitObject = (n: number, type: ObjectType, data: Buffer) => void;

/**
 * Rebuild all objects that stand on the whole objects `roots`, each delta applied once: from a base to everything that
 * stands on it, depth first. Memory is one chain of objects, and is used again.
 *
 * @param fd - the pack, open for reading
 * @param skip - children for which this says true are left out, with everything above them
 * @throws {MirrorError} ERR_INTEGRITY for a damaged object or chains beyond `limits`
 */
export function visitChains(
  table: PackTable,
  fd: number,
  roots: Iterable<number>,
  limits: ChainLimits,
  visit: VisitObject,
  skip: (n: number) => boolean = () => false,
): void {
  const read = createEntryReader(table, fd);
  const memory = createChainMemory(limits);
  for (const root of roots) {
    const type = OBJECT_TYPES[table.type[root] as number];
    if (type === undefined) throw new MirrorError('ERR_INTEGRITY', `git pack: entry ${root} is not a whole object`);
    const chain: Buffer[] = [read(root)];
    const next: number[] = [table.firstChild[root] as number];
    visit(root, type, chain[0] as Buffer);
    while (chain.length > 0) {
      const depth = chain.length - 1;
      const link = next[depth] as number;
      if (link === 0) {
        chain.pop();
        next.pop();
        continue;
      }
      const child = link - 1;
      next[depth] = table.nextSibling[child] as number;
      if (skip(child)) continue;
      if (depth >= limits.chain)
        throw new MirrorError('ERR_INTEGRITY', `git pack: chain of more than ${limits.chain} deltas`);
      const data = applyDelta(
        chain[depth] as Buffer,
        read(child),
        (size) => memory.take(depth, size),
        limits.objectBytes,
      );
      table.type[child] = table.type[root] as number;
      visit(child, type, data);
      if (table.firstChild[child] === 0) continue;
      chain.push(data);
      next.push(table.firstChild[child] as number);
    }
  }
}

// the compressed bytes are read into one buffer that serves every entry
function createEntryReader(table: PackTable, fd: number): (n: number) => Buffer {
  let buffer = Buffer.allocUnsafe(65_536);
  return (n) => {
    const at = table.dataAt[n] as number;
    const length = (table.start[n + 1] as number) - at;
    if (length > buffer.length) buffer = Buffer.allocUnsafe(2 * length);
    if (readSync(fd, buffer, 0, length, at) !== length)
      throw new MirrorError('ERR_INTEGRITY', 'git pack: cut off on disk');
    return inflateEntry(buffer.subarray(0, length), table.size[n] as number);
  };
}

// one buffer for each depth of a chain
function createChainMemory(limits: ChainLimits): { take(depth: number, size: number): Buffer } {
  const buffers: Buffer[] = [];
  let total = 0;
  return {
    take(depth, size) {
      const old = buffers[depth];
      if (old !== undefined && old.length >= size) return old;
      const fresh = Buffer.allocUnsafeSlow(Math.min(limits.objectBytes, Math.ceil((size * 1.5) / 4096) * 4096 + 4096));
      total += fresh.length - (old?.length ?? 0);
      if (total > limits.chainBytes)
        throw new MirrorError('ERR_INTEGRITY', `git pack: chain of objects larger than ${limits.chainBytes} bytes`);
      buffers[depth] = fresh;
      return fresh;
    },
  };
}

/**
 * Divide roots into `parts` of about equal work, each in order of the pack. The work of a root is the size of
 * everything that stands on it, measured in bytes of deltas and objects.
 */
export function shareRoots(table: PackTable, roots: readonly number[], parts: number): Int32Array[] {
  const weights = roots.map((root) => ({ root, weight: weigh(table, root) }));
  weights.sort((a, b) => b.weight - a.weight);
  const shares = Array.from({ length: parts }, () => ({ weight: 0, roots: [] as number[] }));
  for (const { root, weight } of weights) {
    const lightest = shares.reduce((best, share) => (share.weight < best.weight ? share : best));
    lightest.weight += weight;
    lightest.roots.push(root);
  }
  return shares.filter((share) => share.roots.length > 0).map((share) => Int32Array.from(share.roots).sort());
}

/** How many bytes of objects stand on `root`, itself included; each is taken to be as large as the root. */
function weigh(table: PackTable, root: number): number {
  const size = table.size[root] as number;
  let members = 0;
  const open = [root];
  for (let n = open.pop(); n !== undefined; n = open.pop()) {
    members++;
    for (let link = table.firstChild[n] as number; link !== 0; link = table.nextSibling[link - 1] as number)
      open.push(link - 1);
  }
  return members * (size + 2000);
}
