/** The module for every engine: one input buffer, and the stream functions of the algorithms. */
export { k12Digest, k12Init, k12Update } from './kangaroo-twelve.as';
export { murmur3Digest, murmur3Init, murmur3Update } from './murmur3.as';

/** Bytes of input that one update may take. */
export const INPUT_BYTES: usize = 262144;

/** Where the caller puts its bytes. */
export const INPUT: usize = memory.data(262144, 16);
