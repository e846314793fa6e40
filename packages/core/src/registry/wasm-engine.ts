import { createIdleEngine } from './line-engine.ts';
import type { LineEngine } from './line-engine.ts';
import { SCAN_LINES_WASM } from './scan-lines-wasm.ts';

const PAGE_BYTES = 65_536;
/** Where `assembly/scan-lines.as.ts` looks for the name of the crate. */
const NAME = 1024;

/**
 * The engine that is as fast as reading the files: a small WebAssembly module that checks every byte of a line. Where there is no
 * WebAssembly (`node --jitless`) it is the idle one, and the exact parser does all the work.
 *
 * @param withText - whether records carry their lines
 */
export function createWasmEngine(withText: boolean): LineEngine {
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: WebAssemblyApi };
  if (api === undefined) return createIdleEngine();
  const memory = new api.Memory({ initial: 1 });
  compiled ??= new api.Module(Buffer.from(SCAN_LINES_WASM, 'base64'));
  const scan = new api.Instance(compiled, { env: { memory } }).exports as ScanLines;
  let bytes = new Uint8Array(memory.buffer);
  return {
    bytes: () => bytes,
    grow(length) {
      const missing = length - bytes.length;
      if (missing <= 0) return;
      memory.grow(Math.ceil(missing / PAGE_BYTES));
      bytes = new Uint8Array(memory.buffer);
    },
    begin(crate) {
      for (let i = 0; i < crate.length; i++) bytes[NAME + i] = crate.charCodeAt(i);
      scan.begin(crate.length);
    },
    run(from, end, line, outFrom, outEnd) {
      scan.run(from, end, line, outFrom, outEnd, withText ? 1 : 0);
      return {
        at: scan.at.value,
        line: scan.line.value >>> 0,
        out: scan.out.value,
        isFull: scan.isFull.value !== 0,
      };
    },
  };
}

/** Once in a thread: what the compiler has made better is not to be lost. */
let compiled: object | undefined;

interface ScanLines {
  begin(nameLength: number): void;
  run(from: number, end: number, line: number, outFrom: number, outEnd: number, withText: number): void;
  readonly at: { readonly value: number };
  readonly line: { readonly value: number };
  readonly out: { readonly value: number };
  readonly isFull: { readonly value: number };
}

/** The part of the WebAssembly API that is needed here; Node's types leave it to those of browsers. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
