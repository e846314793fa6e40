/** The module for engines with SIMD: the same, and Whirlpool, which makes no sense without vectors. */
export * from './index.as';
export { whirlpoolDigest, whirlpoolInit, whirlpoolUpdate } from './whirlpool.as';
