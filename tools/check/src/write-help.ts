// `pnpm docs:help`: write into the READMEs what the built commands print for --help.
import { writeFileSync } from 'node:fs';
import { builtHelp, commandReadmes, withHelp } from './help-blocks.ts';

const helpOf = builtHelp();
for (const { file, readme } of commandReadmes()) {
  const text = withHelp(readme, helpOf);
  if (text === readme) continue;
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
