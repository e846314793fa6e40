/** MurmurHash3 x64 128 with seed 0, as a stream. */

const C1: u64 = 0x87c37b91114253d5;
const C2: u64 = 0x4cf5ad432745937f;

/** The up to 15 bytes that do not fill a block yet, and in the end the digest. */
const tail: usize = memory.data(16, 16);
let tailBytes: usize = 0;
let total: u64 = 0;
let h1: u64 = 0;
let h2: u64 = 0;

/** Begin a new message. */
export function murmur3Init(): void {
  h1 = 0;
  h2 = 0;
  total = 0;
  tailBytes = 0;
}

/** Add the `length` bytes at `data` to the message. */
export function murmur3Update(data: usize, length: usize): void {
  total += length;
  if (tailBytes > 0) {
    const taken = min<usize>(16 - tailBytes, length);
    memory.copy(tail + tailBytes, data, taken);
    tailBytes += taken;
    data += taken;
    length -= taken;
    if (tailBytes < 16) return;
    mixBlocks(tail, tail + 16);
    tailBytes = 0;
  }
  const end = data + (length & ~15);
  mixBlocks(data, end);
  tailBytes = length & 15;
  memory.copy(tail, end, tailBytes);
}

/** End the message; its digest, h1 then h2 with the highest byte first, stands at the returned address. */
export function murmur3Digest(): usize {
  memory.fill(tail + tailBytes, 0, 16 - tailBytes);
  if (tailBytes > 8) h2 ^= scrambled2(load<u64>(tail + 8));
  if (tailBytes > 0) h1 ^= scrambled1(load<u64>(tail));
  h1 ^= total;
  h2 ^= total;
  h1 += h2;
  h2 += h1;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h1 += h2;
  h2 += h1;
  store<u64>(tail, bswap<u64>(h1));
  store<u64>(tail + 8, bswap<u64>(h2));
  return tail;
}

function mixBlocks(data: usize, end: usize): void {
  let a = h1;
  let b = h2;
  for (; data < end; data += 16) {
    a ^= scrambled1(load<u64>(data));
    a = (rotl<u64>(a, 27) + b) * 5 + 0x52dce729;
    b ^= scrambled2(load<u64>(data + 8));
    b = (rotl<u64>(b, 31) + a) * 5 + 0x38495ab5;
  }
  h1 = a;
  h2 = b;
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function scrambled1(k: u64): u64 {
  return rotl<u64>(k * C1, 31) * C2;
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function scrambled2(k: u64): u64 {
  return rotl<u64>(k * C2, 33) * C1;
}

function avalanche(k: u64): u64 {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}
