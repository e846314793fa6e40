/**
 * Whirlpool (ISO/IEC 10118-3, the final version of 2003) as a stream, on vectors.
 *
 * The usual way looks eight bytes up in tables of 16 KiB, for each of eight bytes, and is bound by that. Here a state
 * of 8 x 8 bytes lies in four vectors of two columns each. The S-box is built of boxes of four bits (as its designers
 * did), which one byte shuffle looks up sixteen at a time; the multiplication of the rows is doublings of whole vectors.
 */

const BLOCK: usize = 64;

/** The four-bit boxes: E (once more, shifted up for the high half), its inverse, and R. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function boxE(x: v128): v128 {
  return i8x16.swizzle(i8x16(0x1, 0xb, 0x9, 0xc, 0xd, 0x6, 0xf, 0x3, 0xe, 0x8, 0x7, 0x4, 0xa, 0x2, 0x5, 0x0), x);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function boxEHigh(x: v128): v128 {
  return i8x16.swizzle(i64x2(0x30f060d0c090b010, 0x005020a0407080e0), x); // the lowest byte comes first
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function boxInverseE(x: v128): v128 {
  return i8x16.swizzle(i8x16(0xf, 0x0, 0xd, 0x7, 0xb, 0xe, 0x5, 0xa, 0x9, 0x2, 0xc, 0x1, 0x3, 0x4, 0x8, 0x6), x);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function boxR(x: v128): v128 {
  return i8x16.swizzle(i8x16(0x7, 0xc, 0xb, 0xd, 0xe, 0x4, 0x9, 0xf, 0x6, 0x3, 0x8, 0xa, 0x2, 0x5, 0x1, 0x0), x);
}

/** The S-box for sixteen bytes. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function substitute(x: v128): v128 {
  const low = i8x16.splat(0x0f);
  const u = boxE(v128.and(i16x8.shr_u(x, 4), low));
  const v = boxInverseE(v128.and(x, low));
  const r = boxR(v128.xor(u, v));
  return v128.or(boxEHigh(v128.xor(u, r)), boxInverseE(v128.xor(v, r)));
}

/** Sixteen bytes times x in GF(2^8) with the polynomial 0x11d. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function double(x: v128): v128 {
  const carried = i8x16.lt_s(x, i8x16.splat(0));
  return v128.xor(i8x16.add(x, x), v128.and(carried, i8x16.splat(0x1d)));
}

// column j turns down by j
// @ts-ignore: decorators are AssemblyScript's
@inline
function turn01(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 0, 1, 2, 3, 4, 5, 6, 7, 15, 8, 9, 10, 11, 12, 13, 14);
}
// @ts-ignore: decorators are AssemblyScript's
@inline
function turn23(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 6, 7, 0, 1, 2, 3, 4, 5, 13, 14, 15, 8, 9, 10, 11, 12);
}
// @ts-ignore: decorators are AssemblyScript's
@inline
function turn45(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 11, 12, 13, 14, 15, 8, 9, 10);
}
// @ts-ignore: decorators are AssemblyScript's
@inline
function turn67(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 4, 5, 6, 7, 0, 1, 9, 10, 11, 12, 13, 14, 15, 8);
}

/** The last column of `before` and the first one of `x`: one column to the right. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function nextColumn(before: v128, x: v128): v128 {
  return v128.shuffle<u8>(before, x, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}

/** Substitute, turn the columns and mix the rows of the state at `from`, add what stands at `key`, and put it to `to`. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function round(from: usize, key: usize, to: usize): void {
  const a = turn01(substitute(v128.load(from, 0)));
  const b = turn23(substitute(v128.load(from, 16)));
  const c = turn45(substitute(v128.load(from, 32)));
  const d = turn67(substitute(v128.load(from, 48)));
  const a2 = double(a), b2 = double(b), c2 = double(c), d2 = double(d);
  const a4 = double(a2), b4 = double(b2), c4 = double(c2), d4 = double(d2);
  const a8 = double(a4), b8 = double(b4), c8 = double(c4), d8 = double(d4);
  // row times circulant (1, 1, 4, 1, 8, 5, 2, 9): the terms an even number of columns apart are whole vectors,
  const evenA = v128.xor(v128.xor(a, d4), v128.xor(c8, b2));
  const evenB = v128.xor(v128.xor(b, a4), v128.xor(d8, c2));
  const evenC = v128.xor(v128.xor(c, b4), v128.xor(a8, d2));
  const evenD = v128.xor(v128.xor(d, c4), v128.xor(b8, a2));
  // and the others are so after one step of one column
  const all = v128.xor(v128.xor(a, b), v128.xor(c, d));
  const oddA = v128.xor(all, v128.xor(c4, b8));
  const oddB = v128.xor(all, v128.xor(d4, c8));
  const oddC = v128.xor(all, v128.xor(a4, d8));
  const oddD = v128.xor(all, v128.xor(b4, a8));
  v128.store(to, v128.xor(v128.xor(evenA, nextColumn(oddD, oddA)), v128.load(key, 0)), 0);
  v128.store(to, v128.xor(v128.xor(evenB, nextColumn(oddA, oddB)), v128.load(key, 16)), 16);
  v128.store(to, v128.xor(v128.xor(evenC, nextColumn(oddB, oddC)), v128.load(key, 32)), 32);
  v128.store(to, v128.xor(v128.xor(evenD, nextColumn(oddC, oddD)), v128.load(key, 48)), 48);
}

/** Rows to columns and back, `from` to `to`. */
function transpose(from: usize, to: usize): void {
  const a = pairs(v128.load(from, 0));
  const b = pairs(v128.load(from, 16));
  const c = pairs(v128.load(from, 32));
  const d = pairs(v128.load(from, 48));
  const topLeft = v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  const topRight = v128.shuffle<u16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  const bottomLeft = v128.shuffle<u16>(c, d, 0, 8, 1, 9, 2, 10, 3, 11);
  const bottomRight = v128.shuffle<u16>(c, d, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(to, v128.shuffle<u32>(topLeft, bottomLeft, 0, 4, 1, 5), 0);
  v128.store(to, v128.shuffle<u32>(topLeft, bottomLeft, 2, 6, 3, 7), 16);
  v128.store(to, v128.shuffle<u32>(topRight, bottomRight, 0, 4, 1, 5), 32);
  v128.store(to, v128.shuffle<u32>(topRight, bottomRight, 2, 6, 3, 7), 48);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function pairs(twoRows: v128): v128 {
  return v128.shuffle<u8>(twoRows, twoRows, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

const ROUNDS: usize = 10;

/** The hash so far, in columns. */
const chain: usize = memory.data(64, 16);
/** The block in work, the key and the state of the rounds, in columns. */
const message: usize = memory.data(64, 16);
const key: usize = memory.data(64, 16);
const state: usize = memory.data(64, 16);
/** The keys that the keys of the rounds are made with: S-box values in the first row. */
const constants: usize = memory.data(640, 16);
/** The bytes that do not fill a block yet. */
const tail: usize = memory.data(64, 16);
let tailBytes: usize = 0;
let total: u64 = 0;

/** Begin a new message. */
export function whirlpoolInit(): void {
  if (load<u8>(constants) == 0) makeConstants();
  memory.fill(chain, 0, BLOCK);
  tailBytes = 0;
  total = 0;
}

/** Add the `length` bytes at `data` to the message. */
export function whirlpoolUpdate(data: usize, length: usize): void {
  total += length;
  if (tailBytes > 0) {
    const taken = min<usize>(BLOCK - tailBytes, length);
    memory.copy(tail + tailBytes, data, taken);
    tailBytes += taken;
    data += taken;
    length -= taken;
    if (tailBytes < BLOCK) return;
    compress(tail);
  }
  const end = data + length;
  for (; data + BLOCK <= end; data += BLOCK) compress(data);
  tailBytes = end - data;
  memory.copy(tail, data, tailBytes);
}

/** End the message; its 64-byte digest stands at the returned address. */
export function whirlpoolDigest(): usize {
  store<u8>(tail + tailBytes, 0x80);
  tailBytes += 1;
  memory.fill(tail + tailBytes, 0, BLOCK - tailBytes);
  if (tailBytes > BLOCK / 2) {
    compress(tail);
    memory.fill(tail, 0, BLOCK);
  }
  // the length in bits has 256 bits, of which 67 can be needed here
  store<u64>(tail + 48, bswap<u64>(total >> 61));
  store<u64>(tail + 56, bswap<u64>(total << 3));
  compress(tail);
  transpose(chain, tail);
  return tail;
}

/** Miyaguchi-Preneel: the hash is the key, and is added to the block before and after. */
function compress(block: usize): void {
  transpose(block, message);
  for (let i: usize = 0; i < BLOCK; i += 16) {
    const hash = v128.load(chain + i);
    v128.store(key + i, hash);
    v128.store(state + i, v128.xor(hash, v128.load(message + i)));
  }
  for (let r: usize = 0; r < ROUNDS; r++) {
    round(key, constants + r * BLOCK, key);
    round(state, key, state);
  }
  for (let i: usize = 0; i < BLOCK; i += 16) {
    const sum = v128.xor(v128.load(state + i), v128.load(message + i));
    v128.store(chain + i, v128.xor(v128.load(chain + i), sum));
  }
}

function makeConstants(): void {
  for (let i: usize = 0; i < ROUNDS * 8; i++) {
    // the first row of round r in columns: every eighth byte
    store<u8>(constants + i * 8, i8x16.extract_lane_u(substitute(i8x16.splat(i as i8)), 0));
  }
}
