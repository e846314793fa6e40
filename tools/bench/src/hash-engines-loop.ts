import { ALGORITHMS, createHasher } from '@mirror/archive-hasher';
import type { Hasher } from '@mirror/archive-hasher';

// hash-engines-loop.js: MB/s of each algorithm on one core, by the fastest engine and by WebAssembly; the best of four over 64 MiB in pieces of 256 KiB
const piece = new Uint8Array(1 << 18).fill(7);
const PIECES = 256;

for (const algorithm of ALGORITHMS) {
  const rates = [];
  for (const engine of ['fastest', 'wasm'] as const) {
    const hasher = await createHasher(algorithm, engine);
    rates.push(Math.round(Math.max(...Array.from({ length: 4 }, () => megabytesPerSecond(hasher)))));
  }
  process.stdout.write(`${[algorithm.name, ...rates].join(' ')}\n`);
}

function megabytesPerSecond(hasher: Hasher): number {
  const start = performance.now();
  hasher.init();
  for (let i = 0; i < PIECES; i += 1) hasher.update(piece);
  hasher.digest();
  return (PIECES * piece.length) / 1e3 / (performance.now() - start);
}
