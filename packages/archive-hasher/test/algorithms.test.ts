import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ALGORITHMS, algorithmsNamed, createHasher } from '../dist/index.js';
import type { Hasher } from '../dist/index.js';
import { createKangarooTwelve } from '../dist/wasm-hashers.js';

function digest(hasher: Hasher, ...pieces: readonly Uint8Array[]): string {
  hasher.init();
  for (const piece of pieces) hasher.update(piece);
  return hasher.digest();
}

/** Bytes that repeat 00 01 … FA, as the vectors of RFC 9861 have them. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

// From RFC 9861, the BLAKE3 test vectors, FIPS 180-4 and 202, RFC 7693 (for 32 bytes), ISO/IEC 10118-3, the xxHash
// specification, and SMHasher; each for no bytes and for "abc".
const VECTORS: Readonly<Record<string, readonly [string, string]>> = {
  kangaroo12: [
    '1ac2d450fc3b4205d19da7bfca1b37513c0803577ac7167f06fe2ce1f0ef39e5',
    'ab174f328c55a5510b0b209791bf8b60e801a7cfc2aa42042dcb8f547fbe3a7d',
  ],
  blake3: [
    'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
    '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
  ],
  sha3_256: [
    'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a',
    '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
  ],
  blake2b: [
    '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
    'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319',
  ],
  sha512: [
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
  whirlpool: [
    '19fa61d75522a4669b44e39c1d2e1726c530232130d407f89afee0964997f7a73e83be698b288febcf88e3e03c4f0757ea8964e59b63d93708b138cc42a66eb3',
    '4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5',
  ],
  ripemd160: ['9c1185a5c5e9fc54612808977ee8f548b2258d31', '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc'],
  xxh3: ['2d06800538d394c2', '78af5f94892f3950'],
  sha256: [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  ],
  xxhash64: ['ef46db3751d8e999', '44bc2cf5ad770999'],
  murmur3: ['00000000000000000000000000000000', 'b4963f3f3fad78673ba2744126ca2d52'],
};

it('there are eleven algorithms, each with vectors', () => {
  expect(ALGORITHMS.map(({ name }) => name)).toEqual(Object.keys(VECTORS));
});

describe.each(ALGORITHMS.map((algorithm) => [algorithm.name, algorithm] as const))('%s', (name, algorithm) => {
  it('gives the published digests, whichever engine computes', async () => {
    for (const choice of ['fastest', 'wasm'] as const) {
      const hasher = await createHasher(algorithm, choice);
      expect(digest(hasher)).toBe(VECTORS[name]?.[0]);
      expect(digest(hasher, Buffer.from('abc'))).toBe(VECTORS[name]?.[1]);
    }
  });

  it('gives the same digest by every engine, in whatever pieces the bytes come', async () => {
    const hashers = await Promise.all(
      ['fastest' as const, 'wasm' as const].map((choice) => createHasher(algorithm, choice)),
    );
    const anyLength = fc.oneof(
      fc.nat(300),
      fc.nat(70_000),
      fc.constantFrom(8191, 8192, 8193, 16_384, 16_385, 24_576, 262_144, 300_000),
    );
    fc.assert(
      fc.property(anyLength, fc.array(fc.nat(), { maxLength: 5 }), (length, cuts) => {
        const bytes = pattern(length);
        const ends = [...cuts.map((cut) => cut % (length + 1)), length].sort((a, b) => a - b);
        const pieces = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        const digests = hashers.flatMap((hasher) => [digest(hasher, bytes), digest(hasher, ...pieces)]);
        expect(new Set(digests).size).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  it('gives a digest of the length that it announces', async () => {
    expect(digest(await createHasher(algorithm), pattern(5))).toHaveLength(algorithm.digestBytes * 2);
  });
});

it('KangarooTwelve gives the digests of RFC 9861 with and without SIMD', () => {
  const expected: readonly (readonly [number, string])[] = [
    [1, '2bda92450e8b147f8a7cb629e784a058efca7cf7d8218e02d345dfaa65244a1f'],
    [17, '6bf75fa2239198db4772e36478f8e19b0f371205f6a9a93a273f51df37122888'],
    [17 ** 2, '0c315ebcdedbf61426de7dcf8fb725d1e74675d7f5327a5067f367b108ecb67c'],
    [17 ** 3, 'cb552e2ec77d9910701d578b457ddf772c12e322e4ee7fe417f92c758f0d59d0'],
    [17 ** 4, '8701045e22205345ff4dda05555cbb5c3af1a771c2b89baef37db43d9998b9fe'],
    [17 ** 5, '844d610933b1b9963cbdeb5ae3b6b05cc7cbd67ceedf883eb678a0a8e0371682'],
    // with the byte that ends them they are one chunk, and one byte more
    [8191, '1b577636f723643e990cc7d6a659837436fd6a103626600eb8301cd1dbe553d6'],
    [8192, '48f256f6772f9edfb6a8b661ec92dc93b95ebd05a08a17b39ae3490870c926c3'],
  ];
  for (const hasher of [createKangarooTwelve(), createKangarooTwelve({ scalar: true })]) {
    for (const [length, hex] of expected) expect(digest(hasher, pattern(length))).toBe(hex);
  }
});

it('the native engines are used where their packages are installed', async () => {
  const { resolve } = createRequire(import.meta.url);
  const installed = (name: string): boolean => {
    try {
      return resolve(name) !== '';
    } catch {
      return false;
    }
  };
  const native = [
    ...(installed('@napi-rs/blake-hash') ? ['blake3', 'blake2b'] : []),
    ...(installed('@node-rs/xxhash') ? ['xxh3', 'xxhash64'] : []),
  ];
  for (const { engines } of native.length === 0 ? [] : algorithmsNamed(native))
    await expect(engines[0]?.()).resolves.toBeDefined();
});

it('MurmurHash3 gives the digest that is known for the quick brown fox', async () => {
  const [murmur3] = algorithmsNamed(['murmur3']);
  const text = Buffer.from('The quick brown fox jumps over the lazy dog');
  expect(digest(await createHasher(murmur3!), text)).toBe('e34bbc7bbc071b6c7a433ca9c49a9347');
});

it('an engine that this platform lacks is passed over', async () => {
  const [sha256] = algorithmsNamed(['sha256']);
  const missing = {
    ...sha256!,
    engines: [async () => Promise.reject(new Error('no binary')), ...sha256!.engines.slice(-1)],
  };
  expect(digest(await createHasher(missing))).toBe(VECTORS['sha256']?.[0]);
});

it('an algorithm that is not known is an error of usage', () => {
  expect(() => algorithmsNamed(['md5'])).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  expect(() => algorithmsNamed([])).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
});

describe('programs of others agree', () => {
  const oracles: readonly (readonly [string, string, (file: string) => string[]])[] = [
    ['sha256', 'sha256sum', (file) => [file]],
    ['sha512', 'sha512sum', (file) => [file]],
    ['blake3', 'b3sum', (file) => [file]],
    ['whirlpool', 'rhash', (file) => ['--simple', '--whirlpool', file]],
    ['ripemd160', 'rhash', (file) => ['--simple', '--ripemd160', file]],
    ['sha3_256', 'rhash', (file) => ['--simple', '--sha3-256', file]],
    ['blake2b', 'b2sum', (file) => ['-l', '256', file]],
    ['xxhash64', 'xxhsum', (file) => ['-H1', file]],
    ['xxh3', 'xxhsum', (file) => ['-H3', file]],
    ['sha3_256', 'openssl', (file) => ['dgst', '-sha3-256', '-r', file]],
  ];
  for (const [name, program, args] of oracles) {
    itWith([program], `${program} on ${name}`, async () => {
      const file = path.join(scratchDir(), 'file');
      const [algorithm] = algorithmsNamed([name]);
      const hasher = await createHasher(algorithm!);
      for (const length of [0, 1, 100, 65_537, 1_000_003]) {
        const bytes = pattern(length);
        writeFileSync(file, bytes);
        const printed = execFileSync(program, args(file), { encoding: 'utf8' });
        expect(/\b[0-9a-f]{16,128}\b/.exec(printed)?.[0]).toBe(digest(hasher, bytes));
      }
    });
  }
});
