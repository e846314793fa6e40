import { createRequire } from 'node:module';
import type { createXXHash64 as CreateXxHash64 } from 'hash-wasm';

/** The low 32 bits of XXH64 (seed 0), as zstd uses them. */
export async function createChecksum(): Promise<(content: Buffer) => number> {
  // This hash alone, and on first use: the whole package takes as long to load as the rest of what a thread needs.
  const { createXXHash64 } = require('hash-wasm/dist/xxhash64.umd.min.js') as { createXXHash64: typeof CreateXxHash64 };
  const hasher = await createXXHash64();
  return (content) => Buffer.from(hasher.init().update(content).digest('binary')).readUInt32BE(4);
}

const require = createRequire(import.meta.url);
