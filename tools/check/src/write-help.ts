// `pnpm docs:help`: write what can be asked: into the READMEs what the built commands print for --help, into man/ their manual pages, into
// docs/licenses.md what comes with an installation, and into core the names of all settings.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { builtHelp, commandReadmes, withHelp } from './help-blocks.ts';
import { licensesPage } from './licenses.ts';
import { builtManPage, manPages } from './man-pages.ts';
import { productionTree } from './production-tree.ts';
import { settingNames, settingNamesFile } from './setting-names.ts';
import { workspaceRoot } from './workspace.ts';

const helpOf = builtHelp();
for (const { file, readme } of commandReadmes()) write(file, withHelp(readme, helpOf));
for (const { file, bin } of manPages()) write(file, builtManPage(bin));
write(settingNamesFile, await settingNames());
write(path.join(workspaceRoot, 'docs/licenses.md'), await licensesPage(productionTree()));

function write(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
