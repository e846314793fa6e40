import { createHash, hash as digestOf } from 'node:crypto';
import type * as HashWasm from 'hash-wasm';
import { MirrorError } from '@mirror/core/errors';
import type { Hasher } from './hasher.ts';
import type * as OwnWasm from './wasm-hashers.ts';

/** One digest algorithm: what it is called, what it costs, and who computes it. */
export interface Algorithm {
  /** The key in a report, and the name for `--algorithms`. */
  readonly name: string;
  /** What it is, in words for people. */
  readonly title: string;
  /** Length of a digest in bytes. */
  readonly digestBytes: number;
  /** Microseconds for one MiB with the fastest engine on one core (measured); only the ratios matter: they share out work. */
  readonly cost: number;
  /** Who can compute it, the fastest (measured) first. The last one is WebAssembly or JavaScript, and always works. */
  readonly engines: readonly Engine[];
}

/** Make a hasher, or throw when this platform cannot. */
export type Engine = () => Hasher | Promise<Hasher>;

/** Which engines may be used: the fastest that this platform has, or WebAssembly alone. */
export type EngineChoice = 'fastest' | 'wasm';

/** Every algorithm, in the order of a report. A new one is one row here. */
export const ALGORITHMS: readonly Algorithm[] = [
  row(
    'kangaroo12',
    'KangarooTwelve (KT128, RFC 9861)',
    32,
    1300,
    viaOwnWasm((own) => own.createKangarooTwelve()),
  ),
  row(
    'blake3',
    'BLAKE3',
    32,
    260,
    nativeBlake3,
    viaWasm((wasm) => wasm.createBLAKE3()),
  ),
  row(
    'sha3_256',
    'SHA3-256',
    32,
    3200,
    viaCrypto('sha3-256'),
    viaWasm((wasm) => wasm.createSHA3(256)),
  ),
  row(
    'blake2b',
    'BLAKE2b-256',
    32,
    930,
    nativeBlake2b,
    viaWasm((wasm) => wasm.createBLAKE2b(256)),
  ),
  row(
    'sha512',
    'SHA-512',
    64,
    1330,
    viaCrypto('sha512'),
    viaWasm((wasm) => wasm.createSHA512()),
  ),
  row(
    'whirlpool',
    'Whirlpool',
    64,
    5000,
    viaOwnWasm((own) => own.createWhirlpool()),
    viaCrypto('whirlpool'),
    viaWasm((wasm) => wasm.createWhirlpool()),
  ),
  row(
    'ripemd160',
    'RIPEMD-160',
    20,
    2900,
    viaWasm((wasm) => wasm.createRIPEMD160()),
  ),
  row(
    'xxh3',
    'XXH3-64',
    8,
    70,
    nativeXxh3,
    viaWasm((wasm) => wasm.createXXHash3()),
  ),
  row(
    'sha256',
    'SHA-256',
    32,
    600,
    viaCrypto('sha256'),
    viaWasm((wasm) => wasm.createSHA256()),
  ),
  row(
    'xxhash64',
    'XXH64',
    8,
    130,
    nativeXxh64,
    viaWasm((wasm) => wasm.createXXHash64()),
  ),
  row(
    'murmur3',
    'MurmurHash3 x64 128',
    16,
    240,
    viaOwnWasm((own) => own.createMurmur3()),
  ),
];

/** The names of all algorithms, in the order of a report. */
export const ALGORITHM_NAMES: readonly string[] = ALGORITHMS.map(({ name }) => name);

/**
 * The algorithms called `names`, in the order of a report whatever the order of the names.
 *
 * @throws {MirrorError} ERR_USAGE for a name that is not known, or when there is none at all
 */
export function algorithmsNamed(names: readonly string[]): readonly Algorithm[] {
  const unknown = names.find((name) => !ALGORITHM_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new MirrorError('ERR_USAGE', `unknown algorithm '${unknown}'`, {
      hint: `known: ${ALGORITHM_NAMES.join(', ')}`,
    });
  }
  if (names.length === 0) throw new MirrorError('ERR_USAGE', 'no algorithm is chosen');
  return ALGORITHMS.filter(({ name }) => names.includes(name));
}

/** The algorithms called `names` that nobody can forge, the cheapest first; the others, where there is none of them. */
export function algorithmsToCheck(names: readonly string[]): readonly Algorithm[] {
  const known = algorithmsNamed(names);
  const strong = known.filter(({ digestBytes }) => digestBytes >= 32);
  return [...(strong.length > 0 ? strong : known)].sort((a, b) => a.cost - b.cost);
}

/** A hasher by the first engine of `algorithm` that works here; every engine gives the same digests. */
export async function createHasher(algorithm: Algorithm, choice: EngineChoice = 'fastest'): Promise<Hasher> {
  const engines = choice === 'wasm' ? algorithm.engines.slice(-1) : algorithm.engines;
  let failure: unknown;
  for (const engine of engines) {
    try {
      return await engine();
    } catch (error) {
      failure = error; // no binary for this platform, or not in this build of OpenSSL: the next engine
    }
  }
  throw new Error(`no engine for ${algorithm.name} works here`, { cause: failure });
}

function row(name: string, title: string, digestBytes: number, cost: number, ...engines: Engine[]): Algorithm {
  return { name, title, digestBytes, cost, engines };
}

/** OpenSSL by way of Node. Whirlpool is only there under `node --openssl-legacy-provider`. */
function viaCrypto(name: string): Engine {
  return () => {
    let hash = createHash(name); // throws for a name that this Node does not have
    return {
      init: () => void (hash = createHash(name)),
      update: (data) => void hash.update(data),
      digest: () => hash.digest('hex'),
      digestOf: (message) => digestOf(name, message),
    };
  };
}

/** hash-wasm, which is loaded when it is needed: it carries all of its algorithms. */
function viaWasm(create: (wasm: typeof HashWasm) => Promise<HashWasm.IHasher>): Engine {
  return async () => {
    const hasher = await create(await import('hash-wasm'));
    return {
      init: () => void hasher.init(),
      update: (data) => void hasher.update(data),
      digest: () => hasher.digest('hex'),
    };
  };
}

/** The module that is built here; loaded when it is needed, like the others. */
function viaOwnWasm(create: (own: typeof OwnWasm) => Hasher): Engine {
  return async () => create(await import('./wasm-hashers.ts'));
}

async function nativeBlake3(): Promise<Hasher> {
  const { Blake3Hasher } = await import('@napi-rs/blake-hash');
  const hasher = new Blake3Hasher();
  return {
    init: () => hasher.reset(),
    update: (data) => void hasher.update(data),
    digest: () => hasher.digest('hex'),
  };
}

async function nativeBlake2b(): Promise<Hasher> {
  const { Blake2BHasher, Blake2BParam } = await import('@napi-rs/blake-hash');
  const fresh = () => {
    const parameters = new Blake2BParam();
    parameters.hashLength(32);
    return Blake2BHasher.withParams(parameters);
  };
  let hasher = fresh();
  return {
    init: () => void (hasher = fresh()),
    update: (data) => void hasher.update(asBuffer(data)),
    digest: () => hasher.digest('hex'),
  };
}

async function nativeXxh3(): Promise<Hasher> {
  const { xxh3 } = await import('@node-rs/xxhash');
  return resettable(xxh3.Xxh3.withSeed(0n)); // its constructor is there in the types alone;
}

async function nativeXxh64(): Promise<Hasher> {
  const { Xxh64 } = await import('@node-rs/xxhash');
  return resettable(new Xxh64());
}

/** The 64-bit hashes of xxHash as 16 hex digits, the highest first, as xxhsum prints them. */
function resettable(hasher: { reset(): void; update(data: Uint8Array): unknown; digest(): bigint }): Hasher {
  return {
    init: () => hasher.reset(),
    update: (data) => void hasher.update(data),
    digest: () => hasher.digest().toString(16).padStart(16, '0'),
  };
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
