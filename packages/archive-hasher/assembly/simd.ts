/** The module for engines with SIMD: the same, and Whirlpool, which makes no sense without vectors. */
export * from './index';
export { whirlpoolDigest, whirlpoolInit, whirlpoolUpdate } from './whirlpool';
