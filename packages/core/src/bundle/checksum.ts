/** The low 32 bits of XXH64 (seed 0), as zstd uses them. */
export async function createChecksum(): Promise<(content: Buffer) => number> {
  // loaded on first use: it takes longer than the rest of core
  const { createXXHash64 } = await import('hash-wasm');
  const hasher = await createXXHash64();
  return (content) => Buffer.from(hasher.init().update(content).digest('binary')).readUInt32BE(4);
}
