import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

it('the committed WebAssembly is what its source compiles to', async () => {
  const { generate } = (await import(new URL('../assembly/build.js', import.meta.url).href)) as {
    generate: () => string;
  };
  const committed = readFileSync(new URL('../src/wasm-modules.ts', import.meta.url), 'utf8');
  expect(generate() === committed).toBe(true); // not toBe: the difference would fill the screen
});
