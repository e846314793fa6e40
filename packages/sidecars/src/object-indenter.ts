import { INDENT_OBJECT_WASM } from './indent-object-wasm.ts';
import { TOO_LONG, indentObject } from './indent-object.ts';
import type { IndentOptions } from './indent-object.ts';

/** Indented bytes in a buffer that has room behind them, and that the next call uses again. */
export interface Indented {
  readonly buffer: Buffer;
  readonly from: number;
  readonly end: number;
}

/**
 * Indents JSON objects as `indentObject` does, with buffers of its own.
 *
 * @param json - a valid JSON object
 * @param room - bytes to keep free behind the indented ones
 * @returns where they are, or `TOO_DEEP` or `TOO_LONG`
 */
export type ObjectIndenter = (json: string, room: number) => Indented | number;

/** The quickest indenter there is here: in WebAssembly, or else, as for `node --jitless`, the exact one. */
export function createObjectIndenter(options: IndentOptions): ObjectIndenter {
  const exact = createExactIndenter(options);
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: WebAssemblyApi };
  return api === undefined ? exact : createWasmIndenter(options, api, exact);
}

/** An indenter in TypeScript, for every object. */
export function createExactIndenter(options: IndentOptions): ObjectIndenter {
  let source = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  return (json, room) => {
    if (MOST_UTF8 * json.length > source.length) source = Buffer.allocUnsafeSlow(2 * MOST_UTF8 * json.length);
    const bytes = source.subarray(0, source.write(json));
    const end = indentObject(bytes, buffer, options);
    if (end < 0) return end;
    if (end + room > buffer.length) {
      buffer = Buffer.allocUnsafeSlow(2 * (end + room));
      indentObject(bytes, buffer, options);
    }
    return { buffer, from: 0, end };
  };
}

/** An indenter in WebAssembly; what is rare it leaves to `exact`. */
function createWasmIndenter(options: IndentOptions, api: WebAssemblyApi, exact: ObjectIndenter): ObjectIndenter {
  const { maxDepth, maxBytes } = options;
  const memory = new api.Memory({ initial: FIRST_PAGES });
  compiled ??= new api.Module(Buffer.from(INDENT_OBJECT_WASM, 'base64'));
  const { indent } = new api.Instance(compiled, { env: { memory } }).exports as IndentExports;
  let buffer = Buffer.from(memory.buffer);
  const grow = (bytes: number): void => {
    memory.grow(Math.ceil(bytes / PAGE_BYTES));
    buffer = Buffer.from(memory.buffer);
  };

  return (json, room) => {
    const from = SOURCE + MOST_UTF8 * json.length + MARGIN;
    if (from + room + MARGIN > buffer.length) grow(2 * (from + room + MARGIN) - buffer.length);
    const sourceEnd = SOURCE + buffer.write(json, SOURCE);
    for (;;) {
      const length = indent(SOURCE, sourceEnd, from, buffer.length - room, maxDepth);
      if (length > maxBytes) return TOO_LONG;
      if (length >= 0) return { buffer, from, end: from + length };
      if (length !== NO_ROOM) return length === NOT_PLAIN ? exact(json, room) : length;
      if (buffer.length - room - from > maxBytes + MARGIN) return TOO_LONG;
      grow(buffer.length);
    }
  };
}

/** Once in a thread: what the compiler has made better is not to be lost. */
let compiled: object | undefined;

// As in `assembly/indent-object.as.ts`.
const NO_ROOM = -3;
const NOT_PLAIN = -4;
const MARGIN = 512;

/** Where the source is; the first bytes stay free. */
const SOURCE = 64;
/** Bytes that a unit of a JavaScript string takes at most. */
const MOST_UTF8 = 3;
const PAGE_BYTES = 65_536;
const FIRST_PAGES = 16;
const FIRST_BYTES = 256 * 1024;

interface IndentExports {
  indent(from: number, end: number, to: number, toEnd: number, maxDepth: number): number;
}

/** The part of the WebAssembly API that is needed here; Node's types leave it to those of browsers. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
