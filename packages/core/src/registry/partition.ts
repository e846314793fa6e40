import { createHash } from 'node:crypto';

/**
 * The part of `count` that a crate belongs to, from 1: the first eight bytes of the SHA-256 of its lower-case name, as a
 * big-endian number, modulo `count`, plus 1. Never changes, so that parts can be run again and elsewhere.
 */
export function partitionOf(name: string, count: number): number {
  const digest = createHash('sha256').update(name.toLowerCase()).digest();
  return Number(digest.readBigUInt64BE(0) % BigInt(count)) + 1;
}
