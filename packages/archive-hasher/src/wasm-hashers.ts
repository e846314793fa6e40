import { SCALAR_MODULE, SIMD_MODULE } from './wasm-modules.ts';
import type { Hasher } from './hasher.ts';

/** A hasher for KT128 of RFC 9861 (KangarooTwelve) with an empty customization string and 32 bytes of output. */
export function createKangarooTwelve(options: WasmOptions = {}): Hasher {
  const wasm = instantiate(options);
  return asHasher(wasm, wasm.k12Init, wasm.k12Update, wasm.k12Digest, 32);
}

/**
 * A hasher for MurmurHash3 x64 128 with seed 0. The digest is h1, then h2, the highest byte of each first, as most
 * programs print it.
 */
export function createMurmur3(options: WasmOptions = {}): Hasher {
  const wasm = instantiate(options);
  return asHasher(wasm, wasm.murmur3Init, wasm.murmur3Update, wasm.murmur3Digest, 16);
}

/**
 * A hasher for Whirlpool.
 *
 * @throws when the WebAssembly engine has no SIMD
 */
export function createWhirlpool(): Hasher {
  const wasm = instantiate({});
  const { whirlpoolInit, whirlpoolUpdate, whirlpoolDigest } = wasm;
  if (!whirlpoolInit || !whirlpoolUpdate || !whirlpoolDigest) throw new Error('no SIMD here');
  return asHasher(wasm, whirlpoolInit, whirlpoolUpdate, whirlpoolDigest, 64);
}

/** How the WebAssembly module is chosen. */
export interface WasmOptions {
  /** Use the module without SIMD even where SIMD is there; default false. */
  readonly scalar?: boolean;
}

/** What `assembly/index.as.ts` and, with SIMD, `assembly/simd.as.ts` export. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: { readonly value: number };
  readonly INPUT_BYTES: { readonly value: number };
  readonly k12Init: () => void;
  readonly k12Update: (data: number, length: number) => void;
  readonly k12Digest: () => number;
  readonly murmur3Init: () => void;
  readonly murmur3Update: (data: number, length: number) => void;
  readonly murmur3Digest: () => number;
  readonly whirlpoolInit?: () => void;
  readonly whirlpoolUpdate?: (data: number, length: number) => void;
  readonly whirlpoolDigest?: () => number;
}

function asHasher(
  wasm: Exports,
  init: () => void,
  update: (data: number, length: number) => void,
  digest: () => number,
  digestBytes: number,
): Hasher {
  const memory = new Uint8Array(wasm.memory.buffer);
  const input = wasm.INPUT.value;
  const room = wasm.INPUT_BYTES.value;
  return {
    init,
    update(data) {
      for (let from = 0; from < data.length; from += room) {
        const part = data.subarray(from, from + room);
        memory.set(part, input);
        update(input, part.length);
      }
    },
    digest() {
      const at = digest();
      return Buffer.from(memory.buffer, at, digestBytes).toString('hex');
    },
  };
}

/** A hasher has an instance of its own: the state lies in the module's memory. */
function instantiate({ scalar = false }: WasmOptions): Exports {
  return new WebAssembly.Instance(scalar ? scalarModule() : bestModule()).exports as unknown as Exports;
}

function bestModule(): Module {
  best ??= WebAssembly.validate(bytesOf(SIMD_MODULE)) ? new WebAssembly.Module(bytesOf(SIMD_MODULE)) : scalarModule();
  return best;
}

function scalarModule(): Module {
  scalarOnly ??= new WebAssembly.Module(bytesOf(SCALAR_MODULE));
  return scalarOnly;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

/** The part of the engine's WebAssembly interface that is used here; Node's types leave it to the browser's. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => Module;
  readonly Instance: new (module: Module) => { readonly exports: object };
  readonly validate: (bytes: Uint8Array) => boolean;
}
type Module = object;

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Wasm };
let best: Module | undefined;
let scalarOnly: Module | undefined;
