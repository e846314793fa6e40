import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

/**
 * Compiles a module of AssemblyScript and writes it as text into a TypeScript file; with `--check` on the command line compares instead.
 *
 * @param {{ source: URL, target: URL, constant: string, script: string }} module - `constant` is what the text is called, `script` who calls this
 */
export async function buildModule({ source, target, constant, script }) {
  const name = path.basename(fileURLToPath(source));
  const file = fileURLToPath(target);
  const base64 = Buffer.from(await compile(source, name)).toString('base64');
  const lines = base64.match(/.{1,116}/g).map((line) => `  '${line}'`);
  const text = `/** The machine code of \`assembly/${name}\`, as base64. Made by \`node assembly/${script}\`. */
// prettier-ignore
export const ${constant}: string = [
${lines.join(',\n')},
].join('');
`;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) throw new Error(`${file} is not what ${name} compiles to`);
}

async function compile(source, name) {
  let binary;
  const options = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--runtime', 'stub', '--noAssert', '--importMemory'];
  const { error, stderr } = await main([name, ...options, '--enable', 'simd,bulk-memory', '--outFile', 'out.wasm'], {
    readFile: (wanted) => (wanted === name ? readFileSync(source, 'utf8') : null),
    writeFile: (written, contents) => {
      if (written === 'out.wasm') binary = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${stderr.toString()}${error.message}`);
  return binary;
}
