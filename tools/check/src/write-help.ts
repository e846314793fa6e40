// `pnpm docs:help`: write what the built commands say of themselves: into the READMEs what they print for --help, into man/ their manual pages.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { builtHelp, commandReadmes, withHelp } from './help-blocks.ts';
import { builtManPage, manPages } from './man-pages.ts';

const helpOf = builtHelp();
for (const { file, readme } of commandReadmes()) write(file, withHelp(readme, helpOf));
for (const { file, bin } of manPages()) write(file, builtManPage(bin));

function write(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
