import { fingerprintOf } from '@mirror/core';

/**
 * Whether a path belongs to a random share of all paths. The same seed chooses the same paths, whatever their order and
 * whatever else there is; another seed chooses others, so that many samples come to see everything.
 *
 * @param share - from 0 to 1
 * @param seed - any text
 */
export function createSample(share: number, seed: string): (path: string) => boolean {
  if (share >= 1) return () => true;
  const below = Math.round(share * 2 ** 32);
  return (path) => fingerprintOf(`${seed}\n${path}`).low < below;
}
