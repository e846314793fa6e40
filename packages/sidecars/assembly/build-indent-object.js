// Compiles indent-object.as.ts and writes it as text into src/indent-object-wasm.ts; with --check compares instead.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const source = 'indent-object.as.ts';
const target = fileURLToPath(new URL('../src/indent-object-wasm.ts', import.meta.url));
const options = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--runtime', 'stub', '--noAssert', '--importMemory'];

let binary;
const { error, stderr } = await main([source, ...options, '--enable', 'simd,bulk-memory', '--outFile', 'out.wasm'], {
  readFile: (name) => (name === source ? readFileSync(new URL(source, import.meta.url), 'utf8') : null),
  writeFile: (name, contents) => {
    if (name === 'out.wasm') binary = contents;
  },
  listFiles: () => [],
});
if (error) throw new Error(`${stderr.toString()}${error.message}`);

const base64 = Buffer.from(binary).toString('base64');
const lines = base64.match(/.{1,116}/g).map((line) => `  '${line}'`);
const text = `/** The machine code of \`assembly/indent-object.as.ts\`, as base64. Made by \`node assembly/build-indent-object.js\`. */
// prettier-ignore
export const INDENT_OBJECT_WASM: string = [
${lines.join(',\n')},
].join('');
`;
if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) throw new Error(`${target} is not what ${source} compiles to`);
